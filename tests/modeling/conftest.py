"""What tests that build models have in common."""

import pytest


@pytest.fixture
def fresh_keras() -> None:
    """Names of layers count from 1 again, and computing is in float32. Looking for garbage takes a quarter of a second."""
    import keras

    keras.backend.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")
