"""Two machines of a Ray cluster on loopback, for the python that has ray: says the address, ends the second on a word."""

import sys
import time

import psutil
from ray.cluster_utils import Cluster

cluster = Cluster(
    initialize_head=True, head_node_args={"num_cpus": 1, "node_name": "first", "include_dashboard": False}
)
second = cluster.add_node(num_cpus=1, node_name="second")
print(cluster.address, flush=True)


def trains() -> bool:
    """Whether the second machine has begun a cell: Ray itself sends elsewhere what has not begun."""
    (raylet,) = second.all_processes["raylet"]
    there = psutil.Process(raylet.process.pid).children(recursive=True)
    return any("forkserver" in " ".join(process.cmdline()) for process in there)


def until(busy: bool) -> None:
    while True:
        try:
            if trains() == busy:
                return
        except psutil.Error:
            pass
        time.sleep(0.05)


for line in sys.stdin:
    if line == "wait for second to be idle\n":
        until(busy=False)
        print("idle", flush=True)
    if line == "kill second when it works\n":
        until(busy=True)
        cluster.remove_node(second, allow_graceful=False)
        print("killed", flush=True)
cluster.shutdown()
