"""A trained cell as a program in plain Keras, which builds and trains the same model. Pure."""

from tlbench.backbones import registry as backbones
from tlbench.core.image_size import Resize, height_width
from tlbench.results.record import Record, TrainedPhase
from tlbench.strategies.base import WARMUP
from tlbench.strategies.scratch import MOMENTUM

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "nadam": "Nadam", "rmsprop": "RMSprop", "sgd": "SGD"}
POOLING = {"gap": "GlobalAveragePooling2D", "flatten": "Flatten"}
PHASES = {
    "frozen": [["head"]],
    "partial": [["head", "fine-tuning"], ["all"]],
    "full": [["head", "fine-tuning"], ["all"]],
    "scratch": [["all"]],
}
"""The names of the phases that are written out, by strategy."""
TRAINING = frozenset({"epochs", "batch_size", "optimizer", "learning_rate"})
HEAD = frozenset({"name", "hidden", "dropout", "output"})
STRATEGY = frozenset({"trainable", "frozen_layers", "from_layer", "joint", "batch_norm", "solver"})
PHASE = frozenset(
    {"name", "solver", "frozen", "trained", "trainable", "epochs", "learning_rate", "batch_norm"}
    | {"path", "tried", "chosen", "seconds"}
)


def why_not(record: Record) -> str:
    """Why there is no program for a record; empty where there is one."""
    cell = record.cell
    if cell.train is None or record.data is None or not record.training:
        return "nothing was trained in phases"
    if cell.backbone.name not in backbones.names() or backbones.get(cell.backbone.name).module is None:
        return f"{cell.backbone.name} is no model of keras.applications"
    if cell.head.name not in POOLING:
        return f"head {cell.head.name} is not written out"
    names = [phase.name for phase in record.training]
    if names not in PHASES.get(cell.strategy.name, []):
        return f"strategy {cell.strategy.label} is not written out"
    if any(phase.solver not in {"linear", "gradient"} for phase in record.training):
        return f"its head is found by {record.training[0].solver}, which is not written out"
    if len(record.training) > 1 and record.training[0].solver == "gradient":
        return "a head that is trained at a constant rate before fine-tuning is not written out"
    if any(phase.head_rate is not None for phase in record.training):
        return "rates of their own for head and backbone are not written out"
    if more := unwritten(record):
        return f"{', '.join(more)} cannot be written out yet"
    if cell.precision != "float32" or cell.train.optimizer not in OPTIMIZERS:
        return f"{cell.precision} with {cell.train.optimizer} is not written out"
    return ""


def unwritten(record: Record) -> list[str]:
    """Settings that change the training and are in no program: whatever is not known here is not passed over."""
    cell = record.cell
    asked = [
        (cell.training.model_dump(exclude_defaults=True), TRAINING),
        (cell.head.model_dump(exclude_defaults=True), HEAD),
        (cell.strategy.args, STRATEGY),
        *((phase.model_dump(exclude_defaults=True), PHASE) for phase in record.training),
    ]
    return sorted({name for settings, known in asked for name in settings if name not in known})


def program(record: Record) -> str:
    """The program, of a record for which `why_not` is empty."""
    cell, data = record.cell, record.data
    assert data is not None
    assert cell.train is not None
    gradient = [phase for phase in record.training if phase.solver == "gradient"]
    solved = [phase for phase in record.training if phase.solver == "linear"]
    parts = [
        f"# {cell.label!r},\n"
        f"# as tlbench {record.provenance.tlbench} trained it (cell {record.cell_id}), in plain Keras. "
        "Rounding and the order of\n# batches differ, so that accuracies agree within their interval.",
        _imports(bool(solved), cell.resize),
        f"DATA = Path({cell.dataset.name!r})  # {{train,validation,test}}/<class>/\n"
        f"{_weights(record)}\n"
        f"CLASSES = {list(data.classes)!r}\n"
        f"LIMIT = {cell.limit.model_dump()!r}  # images per class\n"
        f"SIZE, BATCH, SEED = {height_width(cell.image_size)}, {cell.train.batch_size}, {cell.seed}",
        IMAGES.replace("RESIZED", RESIZED[cell.resize]),
        _model(record),
        *([_solve(cell.head.output)] if solved else []),
        *([_fit(record)] if gradient else []),
        "\n".join(map(_call, record.training)),
        TEST,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _imports(solved: bool, resize: Resize) -> str:
    tensorflow = "\nimport tensorflow as tf" if resize == "pad" else ""
    scipy = "\nfrom scipy.optimize import minimize" if solved else ""
    return f"from pathlib import Path\n\nimport keras\nimport numpy as np{tensorflow}{scipy}"


def _weights(record: Record) -> str:
    if record.cell.strategy.name == "scratch" or record.weights is None or record.weights.source == "random":
        return "WEIGHTS = None  # random"
    return f'WEIGHTS = "imagenet"  # tlbench took {record.weights.file!r}; a path is taken, too'


def _model(record: Record) -> str:
    cell = record.cell
    assert record.data is not None
    module = backbones.get(cell.backbone.name).module
    arguments = "".join(f", {name}={value!r}" for name, value in cell.backbone.args.items())
    lines = [
        "keras.utils.set_random_seed(SEED)",
        f"base = keras.applications.{cell.backbone.name}(",
        f"    include_top=False, weights=WEIGHTS, input_shape=(*SIZE, 3){arguments}",
        ")",
        "inputs = keras.Input((*SIZE, 3))",
        f"x = keras.applications.{module}.preprocess_input(inputs)",
        f"x = features = keras.layers.{POOLING[cell.head.name]}()(base(x))",
    ]
    lines += [f'x = keras.layers.Dense({units}, activation="relu")(x)' for units in cell.head.hidden]
    if cell.head.dropout:
        lines.append(f"x = keras.layers.Dropout({cell.head.dropout!r})(x)")
    units = 1 if cell.head.output == "sigmoid" else len(record.data.classes)
    lines.append(f'classifier = keras.layers.Dense({units}, activation="{cell.head.output}")')
    lines.append("model = keras.Model(inputs, classifier(x))")
    if record.training[-1].batch_norm == "inference":
        lines.append(KEEP)
    elif cell.strategy.name == "scratch":
        lines.append(FOLLOW)
    return "\n".join(lines)


def _solve(output: str) -> str:
    one_unit = "    kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]\n" if output == "sigmoid" else ""
    return SOLVE + one_unit + "    classifier.set_weights([kernel, bias])\n"


def _fit(record: Record) -> str:
    train = record.cell.training
    fine = any(phase.name == "fine-tuning" for phase in record.training)
    loss = "binary_crossentropy" if record.cell.head.output == "sigmoid" else "sparse_categorical_crossentropy"
    rate = (
        "    rising = steps // 10\n"
        "    if rising:  # up from 0, then down half a cosine\n"
        "        rate = keras.optimizers.schedules.CosineDecay(\n"
        "            0.0, steps - rising, warmup_target=rate, warmup_steps=rising\n"
        "        )\n"
        "    else:\n"
        "        rate = keras.optimizers.schedules.CosineDecay(rate, steps)\n"
    )
    assert not fine or WARMUP == 0.1
    return (
        (BEST if fine else "")
        + "def train_layers(frozen, epochs, rate):\n"
        + '    """Train the head with the layers of the base from number `frozen` on."""\n'
        + "    for number, layer in enumerate(base.layers):\n"
        + "        layer.trainable = number >= frozen\n"
        + '        if number < frozen and hasattr(layer, "rate"):\n'
        + "            layer.rate = 0  # no dropout in what is frozen\n"
        + (("    steps = epochs * -(-len(train[0]) // BATCH)\n" + rate) if fine else "")
        + f"    optimizer = keras.optimizers.{OPTIMIZERS[train.optimizer]}(rate)\n"
        + f'    model.compile(optimizer=optimizer, loss="{loss}", metrics=["accuracy"])\n'
        + "    model.fit(*train, batch_size=BATCH, epochs=epochs, validation_data=validation"
        + (", callbacks=[Best()])" if fine else ")")
    )


def _call(phase: TrainedPhase) -> str:
    if phase.solver == "linear":
        assert phase.chosen is not None
        return f"solve_head(l2={phase.tried[phase.chosen].setting!r})  # of {len(phase.tried)}, the best on validation"
    return f"train_layers(frozen={phase.frozen}, epochs={phase.epochs}, rate={phase.learning_rate!r})"


RESIZED: dict[Resize, str] = {
    "stretch": 'keras.ops.image.resize(image, SIZE, interpolation="bilinear")',
    "crop": 'keras.ops.image.resize(image, SIZE, interpolation="bilinear", crop_to_aspect_ratio=True)',
    "pad": "tf.image.resize_with_pad(image, *SIZE)",
}
"""As `image_dataset_from_directory` does it."""
IMAGES = '''
def images(split):
    """Pixels (N, *SIZE, 3) from 0 to 255, and labels (N,)."""
    pixels, labels = [], []
    for label, name in enumerate(CLASSES):
        for file in sorted((DATA / split / name).iterdir())[: LIMIT[split]]:
            image = keras.utils.img_to_array(keras.utils.load_img(file))
            pixels.append(RESIZED)
            labels.append(label)
    return np.stack(pixels), np.array(labels)


train, validation, test = (images(split) for split in ("train", "validation", "test"))
'''
KEEP = '''

def keep_statistics(layer):
    """BatchNormalization normalises by its moving statistics, as in inference, and leaves them alone."""
    call = layer.call
    layer.call = lambda inputs, training=None, mask=None: call(inputs, training=False, mask=mask)


for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        keep_statistics(layer)'''
FOLLOW = f"""for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = {MOMENTUM}  # its statistics must follow within a few steps"""
SOLVE = '''
def solve_head(l2):
    """The classifier that minimises cross-entropy and an L2 penalty on the features of the frozen base."""
    x = keras.Model(inputs, features).predict(train[0], BATCH, verbose=0).astype(float)
    y = np.eye(len(CLASSES))[train[1]]
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    varies = deviation > 1e-6 * np.abs(mean)
    scale = np.where(varies, np.sqrt((deviation[varies] ** 2).mean()), np.inf)
    z = (x - mean) / scale

    def loss(flat):
        weights, bias = np.split(flat.reshape(-1, y.shape[1]), [z.shape[1]])
        logits = z @ weights + bias
        logits -= logits.max(axis=1, keepdims=True)
        log_share = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        slope = (np.exp(log_share) - y) / len(y)
        gradient = np.vstack([z.T @ slope + l2 * weights, slope.sum(axis=0)])
        return -(y * log_share).sum() / len(y) + l2 / 2 * (weights**2).sum(), gradient.ravel()

    start = np.zeros((z.shape[1] + 1) * y.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x.reshape(-1, y.shape[1])
    kernel = found[:-1] / scale[:, None]
    bias = found[-1] - mean @ kernel
'''
BEST = '''
class Best(keras.callbacks.Callback):
    """Ends with the weights of the lowest validation loss, those that training began with included."""

    def on_train_begin(self, logs=None):
        self.lowest, self.weights = self.model.evaluate(*validation, verbose=0)[0], self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.lowest, self.weights = logs["val_loss"], self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)


'''
TEST = """answers = model.predict(test[0], BATCH, verbose=0)
answers = answers.argmax(axis=1) if answers.shape[1] > 1 else answers[:, 0] > 0.5
print(f"test accuracy: {(answers == test[1]).mean():.1%}")"""
