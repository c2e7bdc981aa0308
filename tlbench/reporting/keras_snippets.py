"""Parts of programs in plain Keras, which `keras_code` assembles. Pure.

Words in capitals, such as ``WANTED``, are placeholders.
"""

from tlbench.core.training import Shape
from tlbench.strategies.scratch import MOMENTUM

KEEP = '''

def keep_statistics(layer):
    """Let BatchNormalization use its moving statistics without updating them, as in inference."""
    call = layer.call
    layer.call = lambda inputs, training=None, mask=None: call(inputs, training=False, mask=mask)


for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        keep_statistics(layer)'''
FOLLOW = f"""for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = {MOMENTUM}  # so that the statistics adapt within a few steps"""
SOLVE = '''
def solve_head(l2):
    """Set the classifier to the minimum of cross-entropy plus an L2 penalty on the features of the frozen base."""
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
TEST = """answers = model.predict(test[0], BATCH, verbose=0)
answers = answers.argmax(axis=1) if answers.shape[1] > 1 else answers[:, 0] > 0.5
print(f"test accuracy: {(answers == test[1]).mean():.1%}")"""
LOOK = '''
def look():
    """The cross-entropy on the validation images, without penalties."""
    return model.evaluate(*validation, verbose=0, return_dict=True)[LOSS]
'''
BEST = '''
class Best(keras.callbacks.Callback):
    """Restore the weights with the lowest validation loss, including the initial ones."""

    def on_train_begin(self, logs=None):
        self.lowest, self.weights = look(), self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        SEEN
        if seen < self.lowest:
            self.lowest, self.weights = seen, self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)
'''
OF_EPOCH = 'seen = logs["val_" + LOSS]'
AVERAGED = '''
class Best(keras.callbacks.Callback):
    """Restore the averaged weights with the lowest validation loss, including the initial ones."""

    def on_train_begin(self, logs=None):
        self.lowest, self.weights = look(), self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        own = self.model.get_weights()
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)  # sets the averages
        seen = look()
        if seen < self.lowest:
            self.lowest, self.weights = seen, self.model.get_weights()
        self.model.set_weights(own)

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)
'''
SOUP = '''
class Best(keras.callbacks.Callback):
    """Set the mean weights of the best epochs: from the best down, each is added if validation does not get worse."""

    def on_train_begin(self, logs=None):
        self.epochs = [(look(), -1, self.model.get_weights())]

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((logs["val_" + LOSS], epoch, self.model.get_weights()))

    def on_train_end(self, logs=None):
        (_, _, first), *others = sorted(self.epochs, key=lambda one: one[:2])[:SOUP]
        members, lowest = [first], self.of([first])
        for _, _, weights in others:
            seen = self.of([*members, weights])
            if seen <= lowest:
                members, lowest = [*members, weights], seen
        self.of(members)

    def of(self, members):
        self.model.set_weights([np.mean(alike, axis=0) for alike in zip(*members)])
        return look()
'''
WITHOUT_START = (
    ("self.lowest, self.weights = look(), self.model.get_weights()\n\n", "self.lowest = np.inf\n\n"),
    ("self.epochs = [(look(), -1, self.model.get_weights())]", "self.epochs = []"),
    (", including the initial ones.", "."),
)
"""Replacements in callbacks: the initial weights are no candidates."""
AFTER_STEPS = (
    (
        "self.lowest, self.weights = look(), self.model.get_weights()\n\n",
        "self.lowest = look() if Best.begun else np.inf\n"
        "        self.weights, Best.begun = self.model.get_weights(), True\n\n",
    ),
    ("    def on_train_begin", "    begun = False\n\n    def on_train_begin"),
    (", including the initial ones.", " of all phases with gradient steps."),
)
"""Replacements in callbacks: the initial weights are candidates, except in the first phase with gradient steps."""
BY_ACCURACY = (
    ("return_dict=True)[LOSS]", 'return_dict=True)["accuracy"]'),
    ("return model.evaluate", "return -model.evaluate"),
    (
        "The cross-entropy on the validation images, without penalties.",
        "The negative accuracy on the validation images.",
    ),
    ('logs["val_" + LOSS]', '-logs["val_accuracy"]'),
    ("the lowest validation loss", "the highest validation accuracy"),
)
"""Replacements in callbacks that choose by accuracy."""
PULL = '''
class Pull(keras.regularizers.Regularizer):
    """Penalty: strength / 2 times the squared distance from `start`."""

    def __init__(self, strength, start):
        self.strength, self.start = strength, start

    def __call__(self, weights):
        return self.strength / 2 * keras.ops.sum(keras.ops.square(weights - self.start))
'''
ADAPT = """
for layer in base.layers:
    if hasattr(layer, "enable_lora") and hasattr(layer, "kernel"):
        layer.enable_lora(RANK)  # adds the product of two factors, 0 at first, to the kernel
"""
DROPOUT = 'dropout = {layer.name: layer.rate for layer in base.layers if hasattr(layer, "rate")}'
SWITCH_DROPOUT = """\
        if layer.name in dropout:
            layer.rate = dropout[layer.name] if layer.trainable else 0  # none in what is frozen
"""
FREE = f"""
    for number, layer in enumerate(base.layers):
        layer.trainable = number >= frozen
{SWITCH_DROPOUT}"""
FREE_SOME = f"""
    weighted = [number for number, layer in enumerate(base.layers) if number >= frozen and layer.trainable_weights]
    until = weighted[most] if most < len(weighted) else len(base.layers)
    for number, layer in enumerate(base.layers):
        layer.trainable = frozen <= number < until
{SWITCH_DROPOUT}"""
FREE_VARIABLES = """
    for layer in base.layers:
        layer.trainable = True
        variables = layer.trainable_variables
        wanted = [WANTED for variable in variables]
        layer.trainable = any(wanted)  # which sets all variables alike, so it comes first
        for variable, trained in zip(variables, wanted):
            variable.trainable = trained
"""
PARTS = '''
def parts(labels):
    """Labels as vectors."""
    return PARTS
'''.strip("\n")
CHECKED = "checked = validation[0], parts(validation[1])"
ONE_HOT = 'np.eye(len(CLASSES), dtype="float32")[labels]'
ONE_UNIT = 'labels[:, None].astype("float32")'
MIXED = '''
class Mixed(keras.utils.PyDataset):
    """Training batches with pairs of images, and their labels, mixed."""

    def __init__(self):
        super().__init__()
        self.draw = np.random.default_rng(SEED)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(train[0]) // BATCH)

    def on_epoch_end(self):
        self.order = self.draw.permutation(len(train[0]))

    def __getitem__(self, index):
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        images, labels = train[0][chosen], parts(train[1][chosen])
        partner = self.draw.permutation(len(chosen))
MIX
        return images, share * labels + (1 - share) * labels[partner]
'''
MIXUP = """
        share = self.draw.beta(ALPHA, ALPHA)
        images = share * images + (1 - share) * images[partner]
"""
CUTMIX = """
        share, (height, width) = self.draw.beta(ALPHA, ALPHA), SIZE
        y, x = self.draw.integers(height), self.draw.integers(width)  # the middle of the box
        up, left = int((1 - share) ** 0.5 * height) // 2, int((1 - share) ** 0.5 * width) // 2
        box = slice(max(0, y - up), y + up), slice(max(0, x - left), x + left)
        images[:, *box] = images[partner][:, *box]
        share = 1 - images[0, *box, 0].size / (height * width)
"""
SCHEDULE = '''
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then the schedule in the last line, in which `done` goes from 0 to 1."""

    def __init__(self, rate, steps):
        self.rate, self.rising, self.falling = rate, int(WARMUP * steps), steps - int(WARMUP * steps)

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        done = (step - self.rising) / self.falling
        rises = (step + 1) / (self.rising + 1)
        return self.rate * keras.ops.where(step < self.rising, rises, FALL)
'''
FALLS: dict[Shape, str] = {
    "constant": "1.0",
    "cosine": "(1 + keras.ops.cos(np.pi * done)) / 2",
    "linear": "1 - done",
    "step": "0.1 ** keras.ops.floor(3 * done)",
}
AT_RATES = '''
class AtRates(keras.optimizers.OPTIMIZER):
    """The optimizer with a multiple of the learning rate for each variable."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate * self.multiples[self._get_variable_index(variable)])
'''
SPARED = "    optimizer.exclude_from_weight_decay([one for one in model.trainable_variables if len(one.shape) <= 1])"
