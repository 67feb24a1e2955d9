"""Rasters of any size: the same maps and objects however they are read, also after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy.ndimage")

from scipy import ndimage

from pipelines.images.blocks import BlockGrid
from pipelines.images.components import stream_components
from pipelines.images.errors import ImageError
from pipelines.images.survey import Survey, file_digest, survey
from pipelines.images.tiles import InMemory

BLOCK, MARGIN = 24, 4
SHAPE = (101, 133)


def surface(seed: int = 5, scale: float = 3.0) -> np.ndarray:
    """Return smooth hills between 0 and 1 with a hole, shape (1, rows, cols)."""
    hills = ndimage.gaussian_filter(np.random.default_rng(seed).random(SHAPE), scale)
    hills = (hills - hills.min()) / np.ptp(hills)
    hills[40:70, 20:60] = np.nan
    return hills[np.newaxis]


HILLS = surface()


def two_maps(window: np.ndarray) -> np.ndarray:
    """Depend on neighbours up to `MARGIN` away: the largest of them, and the pixel itself."""
    assert window.shape == (1, BLOCK + 2 * MARGIN, BLOCK + 2 * MARGIN)
    known = np.nan_to_num(window[0])
    return np.stack([ndimage.maximum_filter(known, 2 * MARGIN + 1, mode="constant"), known])


def surveyed(**options) -> Survey:
    given = {"channels": 2, "block": BLOCK, "margin": MARGIN, "channel": 1, "threshold": 0.6}
    return survey(InMemory(HILLS), two_maps, **{**given, **options})


def whole(found: Survey) -> np.ndarray:
    return found.maps(slice(0, SHAPE[0]), slice(0, SHAPE[1]))


def expected_maps() -> np.ndarray:
    known = np.nan_to_num(HILLS[0])
    maps = np.stack([ndimage.maximum_filter(known, 2 * MARGIN + 1, mode="constant"), known])
    return np.where(np.isnan(HILLS), 0, np.round(maps * 255)).astype(np.uint8)


@settings(max_examples=25, deadline=None)
@given(tile_blocks=st.integers(1, 8))
def test_maps_and_objects_are_the_same_whatever_is_read_at_once(tile_blocks):
    with surveyed(tile_blocks=tile_blocks) as found, surveyed(tile_blocks=1) as one:
        np.testing.assert_array_equal(whole(found), expected_maps())
        assert list(found.components()) == list(one.components())


@settings(max_examples=25, deadline=None)
@given(
    top=st.integers(0, SHAPE[0] - 1),
    left=st.integers(0, SHAPE[1] - 1),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
)
def test_any_window_of_the_maps_can_be_read(top, left, height, width):
    rows = slice(top, min(top + height, SHAPE[0]))
    cols = slice(left, min(left + width, SHAPE[1]))
    with surveyed() as found:
        np.testing.assert_array_equal(found.maps(rows, cols), expected_maps()[:, rows, cols])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    block=st.integers(3, 70),
    part=st.floats(0.02, 0.98),
    scale=st.floats(0.0, 4.0),
)
def test_objects_are_those_of_the_whole_map_whatever_the_blocks(seed, block, part, scale):
    rng = np.random.default_rng(seed)
    height, width = (int(each) for each in rng.integers(1, 70, 2))
    noise = ndimage.gaussian_filter(rng.random((height, width)), scale)
    values = np.where(noise > np.quantile(noise, part), rng.integers(100, 256, noise.shape), 99)
    values = values.astype(np.uint8)
    grid = BlockGrid(height, width, block, 0)

    def read(row, col):
        found = values[grid.parts(row, col)]
        return found if (found >= 100).any() else None

    found = list(stream_components(grid, read, 100))
    labels, count = ndimage.label(values >= 100, np.ones((3, 3)))
    wanted = set()
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        own = values[labels == number]
        wanted.add(
            (
                *(str(slice(int(part.start), int(part.stop))) for part in box),
                len(own),
                round(float(own.mean()), 9),
                int(own.max()),
            )
        )
    assert len(found) == count
    assert wanted == {
        (
            str(each.rows),
            str(each.cols),
            each.area,
            round(each.mean * 255.0, 9),
            round(each.peak * 255.0),
        )
        for each in found
    }
    for each in found:
        assert each.first[0] == each.rows.start
        assert labels[each.first] > 0
        edges = (each.rows.start, each.cols.start, height - each.rows.stop, width - each.cols.stop)
        assert each.touches_edge == (0 in edges)


def test_objects_are_cut_out_with_their_own_pixels():
    labels, count = ndimage.label(expected_maps()[1] >= 0.6 * 255, np.ones((3, 3)))
    with surveyed() as found:
        components = list(found.components())
        assert len(components) == count
        for each in components:
            crop = found.crop(each, margin=9)
            own = labels == labels[each.first]
            np.testing.assert_array_equal(crop.mask, own[crop.rows, crop.cols])
            assert crop.mask.sum() == each.area == own.sum()
            np.testing.assert_array_equal(crop.pixels, HILLS[:, crop.rows, crop.cols])
            np.testing.assert_array_equal(crop.maps, expected_maps()[:, crop.rows, crop.cols])
        large = list(found.components(least=40))
        assert large == [each for each in components if each.area >= 40]
        assert 0 < len(large) < count


def test_an_object_across_all_blocks_is_one():
    ring = np.zeros((1, 100, 100))
    ring[0, 3:97, 3:97] = 1.0
    ring[0, 6:94, 6:94] = 0.0
    ring[0, 50, 50] = 1.0
    with survey(InMemory(ring), lambda each: np.nan_to_num(each), channels=1, block=7) as found:
        outer, inner = sorted(found.components(), key=lambda each: -each.area)
        assert (outer.area, inner.area) == (94**2 - 88**2, 1)
        assert (outer.rows, outer.cols) == (slice(3, 97), slice(3, 97))
        # What lies within the box without being connected is another's.
        assert not found.crop(outer).mask[50 - 3, 50 - 3]


def test_blocks_without_data_and_those_left_out_are_not_computed():
    asked = []

    def counted(window):
        asked.append(1)
        return two_maps(window)

    pixels = HILLS.copy()
    pixels[:, :BLOCK] = np.nan
    given = {"channels": 2, "block": BLOCK, "margin": MARGIN, "channel": 1}
    with survey(InMemory(pixels), counted, **given) as found:
        blocks = BlockGrid(*SHAPE, BLOCK, MARGIN).counts
        assert len(asked) == found.counts.computed == (blocks[0] - 1) * blocks[1]
        assert found.counts.empty == blocks[1]
    with survey(InMemory(pixels), counted, skip=lambda window: True, **given) as found:
        assert found.counts.computed == 0
        assert list(found.components()) == []


def test_a_finished_survey_is_used_again_and_a_changed_key_is_not(tmp_path):
    with surveyed(folder=tmp_path, key="a") as first:
        objects, maps = list(first.components()), whole(first)
        assert first.counts.reused == 0
    with surveyed(folder=tmp_path, key="a") as again:
        assert again.counts.computed == 0
        assert again.counts.reused == first.counts.computed + first.counts.empty
        assert list(again.components()) == objects
        np.testing.assert_array_equal(whole(again), maps)
    with surveyed(folder=tmp_path, key="b") as other:
        assert other.counts.reused == 0


@settings(max_examples=15, deadline=None)
@given(blocks=st.integers(0, 29), tile_blocks=st.integers(1, 4), later=st.integers(1, 4))
def test_a_run_that_fails_after_any_number_of_blocks_goes_on(blocks, tile_blocks, later):
    calls = []

    def failing(window):
        calls.append(1)
        if len(calls) > blocks:
            raise RuntimeError("the lamp went out")
        return two_maps(window)

    options = {"channels": 2, "block": BLOCK, "margin": MARGIN, "channel": 1, "threshold": 0.6}
    with TemporaryDirectory() as folder, surveyed() as direct:
        work = {"folder": Path(folder), "key": "a"}
        with pytest.raises(RuntimeError, match="lamp"):
            survey(InMemory(HILLS), failing, tile_blocks=tile_blocks, **options, **work)
        with surveyed(tile_blocks=later, **work) as found:
            assert found.counts.reused >= blocks
            assert found.counts.computed == direct.counts.computed - blocks
            np.testing.assert_array_equal(whole(found), whole(direct))
            assert list(found.components()) == list(direct.components())


def test_a_network_gives_the_same_bytes_whatever_is_read_at_once():
    torch = pytest.importorskip("torch", reason="the extra [pipelines] is not installed")
    from pipelines.images.network import UNet

    torch.manual_seed(1)
    network = UNet(1, {"inside": 1}, width=4, levels=2)
    for _ in range(40):  # the statistics of its normalisation
        network(torch.from_numpy(np.nan_to_num(HILLS)[np.newaxis, :, :100, :132]).float())
    network.eval()

    def probabilities(window):
        with torch.inference_mode():
            grey = torch.from_numpy(np.nan_to_num(window)[np.newaxis]).float()
            return torch.sigmoid(network(grey)["inside"])[0].numpy()

    given = {"channels": 1, "block": 32, "margin": 16}
    maps = []
    for tile_blocks in (1, 2, 5):
        with survey(InMemory(HILLS), probabilities, tile_blocks=tile_blocks, **given) as found:
            maps.append(whole(found))
    assert len(np.unique(maps[0])) > 10
    for each in maps[1:]:
        np.testing.assert_array_equal(each, maps[0])


KILLED = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from test_survey import surveyed
    import test_survey

    left = int(sys.argv[3])
    def counted(window, real=test_survey.two_maps):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(window)

    test_survey.two_maps = counted
    surveyed(folder=Path(sys.argv[2]), key="a", tile_blocks=int(sys.argv[4])).close()
"""


@pytest.mark.parametrize(("blocks", "tile_blocks"), [(1, 1), (11, 2), (20, 1)])
def test_a_killed_process_leaves_what_the_next_can_go_on_with(tmp_path, blocks, tile_blocks):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(Path(__file__).parent)]
    arguments = [str(tmp_path), str(blocks), str(tile_blocks)]
    ended = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with surveyed(folder=tmp_path, key="a", tile_blocks=3) as found, surveyed() as direct:
        assert 0 < found.counts.reused <= blocks + found.counts.empty
        np.testing.assert_array_equal(whole(found), whole(direct))
        assert list(found.components()) == list(direct.components())


MEASURED = """
    import sys
    from pathlib import Path
    import numpy as np
    from pipelines.images.raster import open_raster
    from pipelines.images.survey import survey

    def dark(window):
        return np.where(np.isnan(window), 0.0, window < 100).astype(np.float32)

    def peak():
        # What getrusage tells of a child begins with the memory of its parent.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(each.split()[1]) for each in lines if each.startswith("VmHWM"))

    before = peak()
    with open_raster(Path(sys.argv[1])) as raster, survey(raster, dark, channels=1) as found:
        objects = sum(1 for each in found.components() if found.crop(each, 8).mask.any())
    print(objects, (peak() - before) // 1024)
"""


def write_dots(path: Path, side: int) -> int:
    """Write a grey image with dark dots strip by strip; return how many dots there are."""
    rasterio = pytest.importorskip("rasterio", reason="the extra [images] is not installed")
    profile = {"driver": "GTiff", "count": 1, "height": side, "width": side, "dtype": "uint8"}
    strip = np.full((512, side), 180, np.uint8)
    strip[100:110, 300::700] = 20
    with rasterio.open(path, "w", **profile, compress="deflate", tiled=True) as file:
        for top in range(0, side, 512):
            file.write(strip, 1, window=rasterio.windows.Window(0, top, side, 512))
    return len(range(300, side, 700)) * (side // 512)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux's /proc")
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_memory_does_not_grow_with_the_raster(tmp_path):
    sizes = {}
    for side in (4096, 8192):
        dots = write_dots(tmp_path / f"{side}.tif", side)
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(MEASURED), str(tmp_path / f"{side}.tif")],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        objects, megabytes = (int(each) for each in ended.stdout.split())
        assert objects == dots
        sizes[side] = megabytes
    # The larger has 67 million pixels: 537 MB as numbers, four times those of the smaller.
    assert 10 < sizes[8192] < 400
    # Four times the pixels cost but what GDAL keeps of them, 64 MB.
    assert sizes[8192] < sizes[4096] + 120


def test_what_cannot_be_is_told():
    for options in ({"tile_blocks": 0}, {"channel": 2}, {"threshold": 0.0}, {"block": 0}):
        with pytest.raises(ValueError, match="cannot be"):
            surveyed(**options)
    with pytest.raises(ValueError, match="needs a key"):
        surveyed(folder=Path("anywhere"))
    with pytest.raises(ValueError, match="maps of"):
        surveyed(channels=3)
    for wrong in (2.0, np.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            survey(InMemory(HILLS), lambda each, value=wrong: np.full_like(each, value), channels=1)


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    with (
        surveyed(folder=tmp_path, key="a"),
        pytest.raises(ImageError, match="another process works"),
    ):
        surveyed(folder=tmp_path, key="a")


def test_a_full_disk_is_told_and_what_is_finished_is_kept(tmp_path):
    code = """
        import resource, signal, sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
        from pipelines.images.errors import ImageError
        from test_survey import surveyed
        try:
            surveyed(folder=Path(sys.argv[2]), key="a", tile_blocks=1)
        except ImageError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parent)]
    ended = subprocess.run([*command, str(tmp_path)], check=True, capture_output=True, text=True)
    assert "cannot be written to" in ended.stdout
    with surveyed(folder=tmp_path, key="a") as found, surveyed() as direct:
        assert found.counts.reused > 0
        np.testing.assert_array_equal(whole(found), whole(direct))


def test_an_object_too_large_to_be_cut_out_is_told(monkeypatch):
    monkeypatch.setattr("pipelines.images.survey.LARGEST_CROP", 100)
    with surveyed() as found:
        large = max(found.components(), key=lambda each: each.area)
        with pytest.raises(ImageError, match="too many to be measured"):
            found.crop(large)


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    import hashlib

    content = os.urandom(1000)
    (tmp_path / "a").write_bytes(content)
    assert file_digest(tmp_path / "a") == hashlib.sha256(content).hexdigest()
    with pytest.raises(ImageError, match="cannot be read"):
        file_digest(tmp_path / "b")
