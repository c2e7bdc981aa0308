"""What a head is: how it makes one vector of the backbone's output. Hidden layers, dropout and classifier follow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadInfo:
    """A head. `pooling` names a function ``package.module:function`` that a worker calls without arguments.

    The function returns a Keras layer from the backbone's output (batch, height, width, channels) to (batch, features).
    `of_tokens` names one that makes such a layer of tokens (batch, tokens, channels), called with True where the
    first token stands for the whole image; a head without it takes feature maps alone.
    """

    summary: str
    pooling: str
    of_tokens: str = ""
