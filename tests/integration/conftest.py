import pytest
import torch

from tests.integration.command import USER_DIR

COLOURS = ([250, 20, 20], [20, 250, 20], [20, 20, 250])


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """20, 10 and 7 pictures of 8 x 8 in three colours."""
    from torchvision.io import write_png

    folder = tmp_path_factory.mktemp("pictures")
    generator = torch.Generator().manual_seed(0)
    for split, count in (("train", 20), ("val", 10), ("test", 7)):
        (folder / split).mkdir()
        for number in range(count):
            label = number % 3
            colour = torch.tensor(COLOURS[label]).view(3, 1, 1)
            noise = torch.randint(-20, 120, (3, 8, 8), generator=generator)
            picture = (colour + noise).clamp(0, 255).to(torch.uint8)
            write_png(picture, str(folder / split / f"{label}_{number:02d}.png"))
    return folder


@pytest.fixture(scope="session")
def colour_run(pictures):
    """Arguments of a run of the user's model `colour`: 6 updates of batches of 8, of which an epoch has 3."""

    def arguments(save_dir, *more, model="colour"):
        return [
            f"model={model}",
            "dataset=pictures",
            f"env.user_dir={USER_DIR}",
            f"env.save_dir={save_dir}",
            f"dataset_config.pictures.data_dir={pictures}",
            "run_type=train_val_test",
            "training.device=cpu",
            "training.batch_size=8",
            "training.max_updates=6",
            "training.evaluation_interval=2",
            "training.checkpoint_interval=1",
            "training.log_interval=1",
            "training.cpu_threads=1",
            "evaluation.metrics=[accuracy]",
            "optimizer.params.lr=0.05",
            *more,
        ]

    return arguments
