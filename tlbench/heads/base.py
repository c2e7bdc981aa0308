"""Descriptions of heads. A head pools the backbone's output to a vector; hidden layers and the classifier follow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadInfo:
    """A head.

    Attributes:
        summary: what it does, in a few words.
        pooling: a function, as ``package.module:function``, that returns a Keras layer from feature maps (batch,
            height, width, channels) to vectors (batch, features). A worker calls it without arguments.
        of_tokens: likewise for tokens (batch, tokens, channels), called with True if the first token represents the
            whole image; empty: the head does not support tokens.
    """

    summary: str
    pooling: str
    of_tokens: str = ""
