"""Makes the small data sets of this folder (NumPy 2.4, Pillow 13.0)."""

import os

import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(0)

# Friedman 1991, "Multivariate adaptive regression splines", eq. 56: five inputs, noise of deviation 1.
x = rng.uniform(size=(200, 5))
y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
y += rng.normal(size=200)
names = "x1,x2,x3,x4,x5,y"
np.savetxt(f"{here}/friedman.csv", np.c_[x, y], "%.4f", ",", header=names, comments="")

# Two half moons.
angle = rng.uniform(0, np.pi, 160)
upper = np.arange(160) % 2 == 0
points = np.where(upper, [np.cos(angle), np.sin(angle)], [1 - np.cos(angle), 0.5 - np.sin(angle)]).T
points += 0.1 * rng.normal(size=points.shape)
with open(f"{here}/moons.csv", "w") as file:
    file.write("a,b,moon\n")
    for (a, b), of in zip(points, upper):
        file.write(f"{a:.3f},{b:.3f},{'upper' if of else 'lower'}\n")


def bars(count):
    """Pictures of one bright row or column of 8, in noise."""
    images = rng.integers(0, 60, size=(count, 8, 8), dtype=np.uint8)
    labels = rng.integers(0, 2, size=count)
    for image, label, place in zip(images, labels, rng.integers(0, 8, size=count)):
        (image if label else image.T)[place] += 150
    return images, labels


train, test = bars(120), bars(40)
np.savez_compressed(f"{here}/bars.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
for part, (images, labels) in [("train", (train[0][:16], train[1][:16])), ("test", (test[0][:8], test[1][:8]))]:
    for index, (image, label) in enumerate(zip(images, labels)):
        folder = f"{here}/bars/{part}/{['column', 'row'][label]}"
        os.makedirs(folder, exist_ok=True)
        Image.fromarray(image).save(f"{folder}/{index:02}.png", optimize=True)
