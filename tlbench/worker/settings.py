"""Keras' global settings, which change numbers and are no field of a cell: as Keras has them where nobody sets them."""

import keras

FLOAT, EPSILON, IMAGES = "float32", 1e-7, "channels_last"


def set_all() -> None:
    """Set all of them in this process, whatever a `keras.json`, the environment or a program said before.

    The precision of a cell is set when its model is built (`modeling.assemble`).
    """
    keras.config.set_floatx(FLOAT)
    keras.config.set_epsilon(EPSILON)
    keras.config.set_image_data_format(IMAGES)
    for limit in ("set_max_epochs", "set_max_steps_per_epoch"):  # of keras 3.12 and later
        if hasattr(keras.config, limit):
            getattr(keras.config, limit)(None)
