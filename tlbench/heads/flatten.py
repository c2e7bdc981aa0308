"""All positions as one vector."""

from tlbench.heads.base import HeadInfo

FLATTEN = HeadInfo(
    summary="all positions as one vector, hidden layers, dropout, Dense",
    pooling="tlbench.modeling.heads:flatten",
    of_tokens="tlbench.modeling.heads:flatten",
)
