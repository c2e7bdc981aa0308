"""Global average pooling over positions or tokens; for a transformer with a class token it is that token."""

from tlbench.heads.base import HeadInfo

GAP = HeadInfo(
    summary="global average pooling, hidden layers, dropout, Dense",
    pooling="tlbench.modeling.heads:global_average",
    of_tokens="tlbench.modeling.heads:one_of_tokens",
)
