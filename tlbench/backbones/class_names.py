"""The names of ImageNet's 1000 classes in the order of Keras' models, from the file that Keras itself downloads."""

from pathlib import Path

from tlbench.backbones.weights import keras_cache, searched
from tlbench.cache.download import DownloadError, fetch
from tlbench.core.errors import UserError
from tlbench.core.json_text import parse_json

FILE = "imagenet_class_index.json"
URL = f"https://storage.googleapis.com/download.tensorflow.org/data/{FILE}"
MD5 = "c2c37ea517e94d9795004a39431a14cb"
"""URL and MD5 as in keras.applications.imagenet_utils."""
CLASSES = 1000


def class_names(folder: Path | None) -> tuple[str, ...]:
    """The names of the classes, from the user's `folder` of weights, Keras' cache, or a download into that cache.

    Raises:
        UserError: the file is not found, cannot be downloaded, or has other content.
    """
    places = [place / FILE for place in (folder, keras_cache()) if place is not None]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        file = keras_cache() / FILE
        try:
            fetch(URL, file, MD5)
        except DownloadError as error:
            raise UserError(
                f"the names of ImageNet's classes: {FILE} is not in {searched(folder)}, and {error}; put the file there"
            ) from error
    try:
        content = parse_json(file.read_bytes())
        return tuple(str(content[str(number)][1]).replace("_", " ") for number in range(CLASSES))
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"{file} does not contain the names of {CLASSES} classes; download it again from {URL}"
        ) from error
