"""Keras' global settings that affect results and are no fields of a cell. They always have Keras' defaults."""

import keras

FLOAT, EPSILON, IMAGES = "float32", 1e-7, "channels_last"


def set_all() -> None:
    """Set the defaults in this process, overriding a `keras.json`, the environment, or the calling program.

    The precision of a cell is set when its model is built (`modeling.assemble`).
    """
    keras.config.set_floatx(FLOAT)
    keras.config.set_epsilon(EPSILON)
    keras.config.set_image_data_format(IMAGES)
    for limit in ("set_max_epochs", "set_max_steps_per_epoch"):  # since keras 3.12
        if hasattr(keras.config, limit):
            getattr(keras.config, limit)(None)
