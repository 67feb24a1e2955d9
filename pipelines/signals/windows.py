"""Cutting a long series into windows for a network and putting the answers together again.

Windows stand at multiples of their step counted from 1970, not from the start of the series: a
sample that is far enough from the ends gets the same answer whatever span it was read with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.contract import Progress, silent

Channels = NDArray[np.float32]


def window_starts(first: int, samples: int, length: int, step: int) -> NDArray[np.int64]:
    """Return where windows start so that they cover a series.

    Parameters
    ----------
    first
        Number of the first sample since 1970, in samples.
    samples
        Length of the series.
    length, step
        Of the windows; the length is a multiple of the step.

    Returns
    -------
    starts
        Relative to the series' first sample; the first ones are negative, and the last windows
        reach beyond the end, so that all samples lie in length / step windows.

    Raises
    ------
    ValueError
        If the length is not a multiple of the step.
    """
    if length % step:
        raise ValueError(f"windows of {length} samples cannot be moved by {step}")
    lowest = (first - length) // step + 1
    highest = (first + samples - 1) // step
    return np.arange(lowest, highest + 1, dtype=np.int64) * step - first


def cut_windows(channels: Channels, starts: NDArray[np.int64], length: int) -> Channels:
    """Return windows of channels, zero outside of the series.

    Parameters
    ----------
    channels
        Shape (c, n).
    starts
        Of the windows, shape (k,); they may lie outside.
    length
        Of each window.

    Returns
    -------
    windows
        Shape (k, c, length).
    """
    index = starts[:, None] + np.arange(length)
    inside = (index >= 0) & (index < channels.shape[1])
    picked = channels[:, np.clip(index, 0, channels.shape[1] - 1)] * inside
    return np.ascontiguousarray(picked.transpose(1, 0, 2))


def overlap_average(
    channels: Channels,
    first: int,
    length: int,
    step: int,
    answer: Callable[[Channels], NDArray[np.float32]],
    *,
    batch: int = 8,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Apply a network to overlapping windows and average, trusting the middle of each most.

    Parameters
    ----------
    channels
        Shape (c, n).
    first
        Number of the first sample since 1970.
    length, step
        Of the windows.
    answer
        Windows (k, c, length) to answers (k, classes, length).
    batch
        Windows at a time; bounds the memory. Batches, too, stand at fixed times and are always
        full: how a library adds up numbers may depend on the shape of a batch and on the place in
        it, and a sample shall have the same answer to the last digit whatever span was read.
    progress
        Told after each batch.

    Returns
    -------
    average
        Shape (classes, n).
    """
    samples = channels.shape[1]
    starts = window_starts(first, samples, length, step)
    # A raised sine: never zero, so that the ends of the series have weight too.
    taper = (np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2 + 1e-3).astype(np.float32)
    total: NDArray[np.float32] | None = None
    weight = np.zeros(samples + 2 * length, dtype=np.float32)
    numbers = (starts + first) // step
    lowest = int(numbers[0] // batch) if len(numbers) else 0
    groups = range(lowest, int(numbers[-1] // batch) + 1) if len(numbers) else range(0)
    for group in groups:
        chunk = np.arange(group * batch, (group + 1) * batch, dtype=np.int64) * step - first
        answers = answer(cut_windows(channels, chunk, length))
        if total is None:
            total = np.zeros((answers.shape[1], samples + 2 * length), dtype=np.float32)
        for start, one in zip(chunk + length, answers, strict=True):
            if 0 < start < samples + length:  # the others do not touch the series
                total[:, start : start + length] += one * taper
                weight[start : start + length] += taper
        progress("detecting", group - lowest + 1, len(groups))
    if total is None:
        raise ValueError("a series without samples has no answer")
    inner = slice(length, length + samples)
    return np.asarray(total[:, inner] / weight[inner], dtype=np.float32)
