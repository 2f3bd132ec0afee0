"""Keras 2's LSTM layers, which the converter fuses to UNIDIRECTIONAL_SEQUENCE_LSTM; Keras 3's it leaves a loop."""
import tf_keras

L = tf_keras.layers


def lstm():
    i = L.Input((7, 6), batch_size=1)
    x = L.LSTM(10, return_sequences=True)(i)
    return tf_keras.Model(i, L.Dense(4, activation="softmax")(L.Flatten()(x)))


def lstm_stack():
    i = L.Input((9, 4), batch_size=1)
    x = L.LSTM(8, return_sequences=True)(i)
    return tf_keras.Model(i, L.Dense(3)(L.LSTM(6)(x)))


NETWORKS = {f.__name__: f for f in (lstm, lstm_stack)}
