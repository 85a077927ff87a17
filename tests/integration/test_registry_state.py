"""What code written against MMF finds in the registry while a run is under way."""

from mmf_like.common.registry import registry
from mmf_like.config.assemble import compose
from mmf_like.engine.assemble import assemble


def test_config_processors_and_sizes_are_filed_under_mmfs_keys(tmp_path):
    arguments = ["config=projects/pythia/configs/easy_vqa/defaults.yaml", "model=pythia", "dataset=easy_vqa"]
    small = [f"dataset_config.easy_vqa.max_pictures.{split}=4" for split in ("train", "val", "test")]
    parts = assemble(compose([*arguments, *small, f"env.save_dir={tmp_path}"]).config, quiet=True)
    info = parts.data.data_info()
    assert registry.get("config").model == "pythia"
    assert registry.get("easy_vqa_text_processor").get_vocab_size() == info.text_vocab_size
    assert registry.get("easy_vqa_text_vocab_size") == info.text_vocab_size
    assert registry.get("easy_vqa_num_final_outputs") == info.num_answers == 14
