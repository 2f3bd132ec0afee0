"""Small Keras networks of the kinds that people convert. Each function gives an unbuilt-weights model; make.py fills in
seeded weights."""
import keras
from keras import layers as L


def model(inputs, outputs):
    return keras.Model(inputs, outputs)


def conv(x, filters, size=3, strides=1, act="relu", bn=True, **options):
    x = L.Conv2D(filters, size, strides=strides, padding=options.pop("padding", "same"), use_bias=not bn, **options)(x)
    x = L.BatchNormalization()(x) if bn else x
    return L.Activation(act)(x) if act else x


def depthwise(x, size=3, strides=1, act="relu", **options):
    padding = options.pop("padding", "same")
    x = L.DepthwiseConv2D(size, strides=strides, padding=padding, use_bias=False, **options)(x)
    x = L.BatchNormalization()(x)
    return L.Activation(act)(x) if act else x


def dscnn():
    i = L.Input((25, 10, 1))
    x = conv(i, 16, (10, 4), 2)
    x = L.Dropout(0.2)(x)
    for _ in range(3):
        x = conv(depthwise(x), 16, 1)
    x = L.AveragePooling2D((13, 5))(x)
    return model(i, L.Dense(12, activation="softmax")(L.Flatten()(x)))


def mobilenet_v1():
    i = L.Input((25, 23, 3))
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(i)
    x = conv(x, 8, 3, 2, "relu6", padding="valid")
    for filters, strides in ((16, 1), (24, 2), (24, 1), (32, 2)):
        if strides == 2:
            x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = depthwise(x, 3, strides, "relu6", padding="same" if strides == 1 else "valid")
        x = conv(x, filters, 1, 1, "relu6")
    x = L.Reshape((1, 1, 32))(L.GlobalAveragePooling2D()(x))
    x = L.Conv2D(10, 1)(x)
    return model(i, L.Softmax()(L.Reshape((10,))(x)))


def mobilenet_v2():
    i = L.Input((24, 24, 3))
    x = conv(i, 8, 3, 2, "relu6")
    for filters, strides in ((8, 1), (12, 2), (12, 1), (16, 2)):
        y = conv(x, x.shape[-1] * 3, 1, 1, "relu6")
        y = depthwise(y, 3, strides, "relu6")
        y = conv(y, filters, 1, 1, None)
        x = L.Add()([x, y]) if strides == 1 and x.shape[-1] == filters else y
    x = conv(x, 32, 1, 1, "relu6")
    return model(i, L.Dense(5)(L.GlobalAveragePooling2D()(x)))


def squeeze_excite(x, gate):
    y = L.GlobalAveragePooling2D(keepdims=True)(x)
    y = L.Conv2D(8, 1, activation="relu")(y)
    y = L.Conv2D(x.shape[-1], 1, activation=gate)(y)
    return L.Multiply()([x, y])


def mobilenet_v3():
    i = L.Input((20, 20, 3))
    x = L.Rescaling(1 / 127.5, offset=-1.0)(i)
    x = conv(x, 8, 3, 2, "hard_swish")
    for filters, size, strides, act in ((8, 3, 1, "relu"), (12, 5, 2, "hard_swish"), (12, 5, 1, "hard_swish")):
        y = conv(x, x.shape[-1] * 2, 1, 1, act)
        y = squeeze_excite(depthwise(y, size, strides, act), "hard_sigmoid")
        y = conv(y, filters, 1, 1, None)
        x = L.Add()([x, y]) if strides == 1 and x.shape[-1] == filters else y
    x = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Conv2D(24, 1, activation="hard_swish")(x)
    return model(i, L.Dense(6, activation="softmax")(L.Flatten()(x)))


def efficient():
    i = L.Input((17, 17, 2))
    x = conv(i, 8, 3, 2, "swish")
    y = squeeze_excite(depthwise(conv(x, 16, 1, 1, "swish"), 5, 1, "swish"), "sigmoid")
    x = L.Add()([x, conv(y, 8, 1, 1, None)])
    return model(i, L.Dense(4, activation="sigmoid")(L.GlobalMaxPooling2D()(x)))


def resnet():
    i = L.Input((16, 16, 3))
    x = conv(i, 8)
    for filters, strides in ((8, 1), (16, 2), (24, 2)):
        y = conv(conv(x, filters, 3, strides), filters, 3, 1, None)
        x = conv(x, filters, 1, strides, None, bn=False) if strides == 2 else x
        x = L.Activation("relu")(L.Add()([x, y]))
    x = L.AveragePooling2D(2, strides=1)(x)
    return model(i, L.Dense(10, activation="softmax")(L.Flatten()(x)))


def unet():
    i = L.Input((16, 12, 2))
    a = conv(i, 6)
    b = conv(L.MaxPooling2D()(a), 8)
    c = conv(L.MaxPooling2D()(b), 12)
    x = L.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(c)
    x = conv(L.Concatenate()([x, b]), 8)
    x = L.UpSampling2D(interpolation="bilinear")(x)
    x = conv(L.Concatenate()([x, a]), 6)
    up = L.Resizing(32, 24, interpolation="nearest")(x)
    crop = L.Cropping2D(((3, 2), (1, 4)))(up)
    return model(i, [L.Conv2D(3, 1, activation="softmax")(x), L.Conv2D(1, 1, activation="sigmoid")(crop)])


def ssd():
    i = L.Input((24, 24, 1))
    x = conv(i, 8, 3, 2, "relu6")
    a = conv(depthwise(x, 3, 2, "relu6"), 12, 1, 1, "relu6")
    b = conv(depthwise(a, 3, 2, "relu6"), 16, 1, 1, "relu6")
    boxes, classes = [], []
    for feature, anchors in ((a, 2), (b, 3)):
        boxes.append(L.Reshape((-1, 4))(L.Conv2D(anchors * 4, 3, padding="same")(feature)))
        classes.append(L.Reshape((-1, 3))(L.Conv2D(anchors * 3, 1)(feature)))
    return model(i, [L.Concatenate(axis=1)(boxes), L.Activation("sigmoid")(L.Concatenate(axis=1)(classes))])


def conv1d():
    i = L.Input((63, 4))
    x = L.Conv1D(8, 5, strides=2, activation="relu")(i)
    x = L.SeparableConv1D(12, 3, padding="same", activation="relu")(x)
    x = L.MaxPooling1D(2)(x)
    x = L.BatchNormalization()(L.Conv1D(12, 3, padding="same")(x))
    x = L.LeakyReLU(0.1)(L.AveragePooling1D(3, padding="same")(x))
    return model(i, L.Dense(5, activation="softmax")(L.Flatten()(x)))


def tcn(batch=1):
    i = L.Input((40, 3), batch_size=batch)
    x = L.Conv1D(8, 1)(i)
    for dilation in (1, 2, 4):
        y = L.Conv1D(8, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        y = L.Conv1D(8, 3, padding="causal", dilation_rate=dilation)(y)
        x = L.ReLU()(L.Add()([x, y]))
    last = L.Lambda(lambda t: t[:, -1, :])(x)
    return model(i, L.Dense(2, activation="tanh")(last))


def tcn_any():
    return tcn(None)


def dilated():
    i = L.Input((19, 17, 2))
    x = L.Conv2D(6, 3, dilation_rate=2, padding="same", activation="relu")(i)
    x = L.DepthwiseConv2D(3, dilation_rate=(3, 3), padding="same", activation="relu6")(x)
    y = L.Conv2D(6, 3, dilation_rate=3, padding="valid")(x)
    z = L.Conv2D(6, 1)(L.Cropping2D(3)(x))
    return model(i, L.Conv2D(2, 1)(L.Concatenate()([y, z])))


def autoencoder():
    i = L.Input((64,))
    x = i
    for units in (48, 32, 6, 32, 48):
        x = L.ReLU()(L.BatchNormalization()(L.Dense(units)(x)))
    return model(i, L.Dense(64)(x))


def pruned():
    """Widths are multiples of 16: the converter's sparse blocks have to divide them."""
    i = L.Input((64,))
    x = L.Dense(32, activation="relu")(L.Dense(48, activation="relu")(i))
    return model(i, L.Dense(8)(L.Dense(32, activation="relu")(x)))


def activations():
    i = L.Input((9, 9, 3))
    x = L.PReLU(shared_axes=[1, 2])(L.Conv2D(8, 3, padding="same")(i))
    y = L.ELU()(L.Conv2D(8, 3, padding="same")(x))
    z = L.LeakyReLU(0.2)(L.Conv2D(8, 3, strides=2, padding="same")(L.Concatenate()([x, y])))
    t = L.Activation("tanh")(L.Conv2D(8, 1)(z))
    s = L.Activation("sigmoid")(L.Conv2D(8, 1)(z))
    x = L.Multiply()([t, s])
    x = L.Maximum()([x, L.Minimum()([t, s])])
    x = L.Subtract()([x, L.Average()([t, s])])
    x = L.PReLU()(L.Dense(7)(L.Flatten()(x)))
    return model(i, L.Activation("log_softmax")(x))


def grouped():
    i = L.Input((15, 11, 4))
    x = L.Conv2D(8, 3, strides=(2, 1), padding="valid", groups=2, activation="relu")(i)
    x = L.DepthwiseConv2D((3, 5), strides=2, padding="same", depth_multiplier=2, activation="relu")(x)
    x = L.Conv2D(8, (1, 3), strides=(1, 3), padding="same", groups=4)(x)
    return model(i, L.Dense(3)(L.Flatten()(x)))


def attention(x, heads, size):
    return L.MultiHeadAttention(heads, size)(x, x)


def transformer(batch=1):
    i = L.Input((12, 8), batch_size=batch)
    x = L.Dense(16)(i)
    for _ in range(2):
        x = L.LayerNormalization()(L.Add()([x, attention(x, 2, 8)]))
        y = L.Dense(32)(x)
        y = L.Lambda(lambda t: t * keras.ops.sigmoid(1.702 * t))(y)
        x = L.LayerNormalization()(L.Add()([x, L.Dense(16)(y)]))
    return model(i, L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D()(x)))


def transformer_any():
    """The batch is dynamic, and shapes are computed."""
    return transformer(None)


def mixer():
    i = L.Input((16, 16, 2), batch_size=1)
    x = L.Reshape((16, 12))(L.Conv2D(12, 4, strides=4)(i))
    for _ in range(2):
        y = L.Permute((2, 1))(L.LayerNormalization()(x))
        y = L.Dense(16)(L.Dense(24, activation="relu")(y))
        x = L.Add()([x, L.Permute((2, 1))(y)])
        y = L.Dense(12)(L.Dense(24, activation="relu")(L.LayerNormalization()(x)))
        x = L.Add()([x, y])
    return model(i, L.Dense(5)(L.GlobalAveragePooling1D()(x)))


def lstm_unrolled():
    i = L.Input((6, 5), batch_size=1)
    return model(i, L.Dense(3, activation="softmax")(L.LSTM(8, unroll=True)(i)))


def gru_unrolled():
    i = L.Input((5, 6), batch_size=1)
    x = L.GRU(8, unroll=True, return_sequences=True)(i)
    return model(i, L.Dense(2)(L.GRU(6, unroll=True, reset_after=False)(x)))


def gru_step():
    """One step at a time, the application keeps the state."""
    frame, state = (L.Input((n,), batch_size=1, name=name) for n, name in ((10, "frame"), (8, "state")))
    output, after = L.GRUCell(8)(frame, [state])
    return model([frame, state], [L.Dense(3, activation="sigmoid")(output), *after])


def text():
    i = L.Input((12,), dtype="int32")
    x = L.Embedding(40, 8)(i)
    x = L.Conv1D(8, 3, activation="relu")(x)
    return model(i, L.Dense(2, activation="softmax")(L.GlobalMaxPooling1D()(x)))


def many_ports():
    image, vector = L.Input((8, 8, 1), name="image"), L.Input((6,), name="vector")
    x = L.Flatten()(conv(image, 4, 3, 2))
    x = L.Concatenate()([x, L.Dense(8, activation="relu")(vector)])
    x = L.Dense(12, activation="relu")(x)
    outputs = [L.Dense(3, activation="softmax", name="class")(x), L.Dense(1, name="value")(x), L.Dot(1)([x, x])]
    return model([image, vector], outputs)


NETWORKS = {f.__name__: f for f in (
    dscnn, mobilenet_v1, mobilenet_v2, mobilenet_v3, efficient, resnet, unet, ssd, conv1d, tcn, tcn_any, dilated,
    autoencoder, pruned, activations, grouped, transformer, transformer_any, mixer, lstm_unrolled, gru_unrolled,
    gru_step, text, many_ports)}
