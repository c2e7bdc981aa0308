"""Global average pooling: one number for each channel; of a transformer its class token, where it has one."""

from tlbench.heads.base import HeadInfo

GAP = HeadInfo(
    summary="global average pooling, hidden layers, dropout, Dense",
    pooling="tlbench.modeling.heads:global_average",
    of_tokens="tlbench.modeling.heads:one_of_tokens",
)
