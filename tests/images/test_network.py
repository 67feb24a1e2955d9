"""The network of images: what a value depends on, and files of weights."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra [pipelines] is not installed")
pytest.importorskip("safetensors", reason="the extra [pipelines] is not installed")

import torch

from pipelines.errors import WeightsError
from pipelines.images.network import UNet, load_network, save_network

HEADS = {"mask": 1, "class": 3}


def small(levels: int = 2, width: int = 4, seed: int = 3) -> UNet:
    """A network whose statistics of normalisation are not those that it began with."""
    torch.manual_seed(seed)
    network = UNet(2, HEADS, width=width, levels=levels)
    network.train()
    with torch.no_grad():
        network(3.0 * torch.randn(4, 2, 32, 32) + 1.0)
    return network.eval()


def answers(network: UNet, x: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return network(x)


def test_each_head_has_its_channels_at_the_resolution_of_the_image():
    made = answers(small(), torch.randn(3, 2, 24, 40))
    assert {name: tuple(each.shape) for name, each in made.items()} == {
        "mask": (3, 1, 24, 40),
        "class": (3, 3, 24, 40),
    }


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_nothing_further_away_than_the_reach_changes_a_value(levels):
    network = small(levels).double()
    side = 2 ** (levels + 1) * (network.reach // 2**levels + 2)
    x = torch.randn(1, 2, side, side, dtype=torch.float64)
    before = answers(network, x)["mask"][0, 0]
    changed = x.clone()
    changed[..., side // 2, side // 2] += 50.0
    different = (answers(network, changed)["mask"][0, 0] != before).nonzero()
    away = (different - side // 2).abs().max()
    assert network.reach // 2 < away <= network.reach


def test_windows_moved_by_whole_cells_of_the_coarsest_level_agree_within():
    network = small(2).double()
    x = torch.randn(1, 2, 160, 160, dtype=torch.float64)
    whole = answers(network, x)["class"]
    part = answers(network, x[..., 8:152, 4:148])["class"]
    inner = slice(network.reach, -network.reach)
    assert torch.allclose(
        whole[..., 8:152, 4:148][..., inner, inner], part[..., inner, inner], atol=1e-12
    )


def test_the_rest_of_the_batch_does_not_change_a_value():
    network = small()
    x = torch.randn(2, 2, 32, 32)
    torch.testing.assert_close(answers(network, x)["mask"][:1], answers(network, x[:1])["mask"])


def test_folding_the_normalisation_changes_no_answer_and_not_the_network_itself():
    network = small()
    x = torch.randn(1, 2, 32, 32)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    folded = network.folded()
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in folded.modules())
    for name, each in answers(network, x).items():
        torch.testing.assert_close(answers(folded, x)[name], each, rtol=1e-4, atol=1e-5)
    for name, each in network.state_dict().items():
        assert torch.equal(each, before[name])


def test_weights_written_and_read_give_the_same_network(tmp_path):
    network = small()
    save_network(network, tmp_path / "new" / "w.safetensors", {"seed": "3"})
    again, metadata = load_network(tmp_path / "new" / "w.safetensors")
    assert metadata == {"seed": "3"}
    assert not again.training
    x = torch.randn(1, 2, 16, 16)
    assert torch.equal(answers(network, x)["mask"], answers(again, x)["mask"])


def test_half_precision_halves_the_file_and_is_read_as_single(tmp_path):
    network = small(width=16)
    save_network(network, tmp_path / "single.safetensors")
    save_network(network, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "single")]
    assert sizes[0] < 0.6 * sizes[1]
    again, _ = load_network(tmp_path / "half.safetensors")
    assert {each.dtype for each in again.parameters()} == {torch.float32}
    x = torch.randn(1, 2, 16, 16)
    torch.testing.assert_close(
        answers(network, x)["mask"], answers(again, x)["mask"], rtol=0.02, atol=0.02
    )


def test_sizes_that_cannot_be_halved_and_networks_without_heads_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        small(2)(torch.zeros(1, 2, 30, 32))
    with pytest.raises(ValueError, match="no network has"):
        UNet(2, {})
    with pytest.raises(ValueError, match="no network has"):
        UNet(0, HEADS)


def test_files_that_are_no_weights_are_refused_by_name(tmp_path):
    with pytest.raises(WeightsError, match="no weights"):
        load_network(tmp_path / "absent.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match=r"bad\.safetensors"):
        load_network(tmp_path / "bad.safetensors")
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(WeightsError, match="train again"):
        load_network(tmp_path / "other.safetensors")
