"""Parts of programs in plain Keras, as `keras_code` puts them together. Pure."""

from tlbench.core.image_size import Resize
from tlbench.strategies.base import WARMUP
from tlbench.strategies.scratch import MOMENTUM

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
TEST = """answers = model.predict(test[0], BATCH, verbose=0)
answers = answers.argmax(axis=1) if answers.shape[1] > 1 else answers[:, 0] > 0.5
print(f"test accuracy: {(answers == test[1]).mean():.1%}")"""
assert WARMUP == 0.1, "as RATE has it"
RATE = """
    steps = epochs * -(-len(train[0]) // BATCH)
    rising = steps // 10
    if rising:  # up from 0, then down half a cosine
        rate = keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=rate, warmup_steps=rising)
    else:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
"""
LOOK = '''
def look():
    """Cross-entropy on the validation images, without any penalty."""
    return model.evaluate(*validation, verbose=0, return_dict=True)[LOSS]
'''
BEST = '''
class Best(keras.callbacks.Callback):
    """Ends with the weights of the lowest validation loss, those that training began with included."""

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
    """Ends with the average weights of the lowest validation loss, the weights of the beginning included."""

    def on_train_begin(self, logs=None):
        self.lowest, self.weights = look(), self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        own = self.model.get_weights()
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)  # gives it the averages
        seen = look()
        if seen < self.lowest:
            self.lowest, self.weights = seen, self.model.get_weights()
        self.model.set_weights(own)

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)
'''
SOUP = '''
class Best(keras.callbacks.Callback):
    """Ends with the mean of the best epochs: each joins, from the best one down, where validation is no worse."""

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
PULL = '''
class Pull:
    """strength / 2 times the squared distance from `start`."""

    def __init__(self, strength, start):
        self.strength, self.start = strength, start

    def __call__(self, weights):
        return self.strength / 2 * keras.ops.sum(keras.ops.square(weights - self.start))
'''
ADAPT = """
for layer in base.layers:
    if hasattr(layer, "enable_lora") and hasattr(layer, "kernel"):
        layer.enable_lora(RANK)  # a product of two factors is added to the kernel; 0 at first
"""
FREE = """
    for number, layer in enumerate(base.layers):
        layer.trainable = number >= frozen
        if number < frozen and hasattr(layer, "rate"):
            layer.rate = 0  # no dropout in what is frozen
"""
FREE_SOME = """
    weighted = [number for number, layer in enumerate(base.layers) if number >= frozen and layer.weights]
    until = [*weighted, len(base.layers)][most] if most < len(weighted) else len(base.layers)
    for number, layer in enumerate(base.layers):
        layer.trainable = frozen <= number < until
        if not layer.trainable and hasattr(layer, "rate"):
            layer.rate = 0  # no dropout in what is frozen
"""
FREE_VARIABLES = """
    for layer in base.layers:
        layer.trainable = True
        for variable in layer.trainable_variables:
            variable.trainable = WANTED
        layer.trainable = any(variable.trainable for variable in layer.variables)
"""
