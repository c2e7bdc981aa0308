"""Which cells of a store are finished."""

from tlbench.execution.resume import lacks_times, trained
from tlbench.results.store import Store


def done(store: Store, models: bool = False) -> set[str]:
    """The ids of cells that are trained, and timed if they are to be. Damaged records are ignored."""
    return trained(store, [one for one in store.read_all().records if not lacks_times(one)], models)
