"""Global average pooling: one number for each channel."""

from tlbench.heads.base import HeadInfo

GAP = HeadInfo(
    summary="global average pooling, hidden layers, dropout, Dense",
    pooling="tlbench.modeling.heads:global_average",
)
