import pytest

from mmf_like.common.errors import ConfigError
from mmf_like.common.registry import registry
from mmf_like.common.registry_index import ConfigField, Declaration
from mmf_like.config.assemble import compose


def declare(monkeypatch, *declarations):
    """Register these names, as their sources would state them, and no others."""
    monkeypatch.setattr(registry, "_entries", {kind: {} for kind in registry._entries})
    monkeypatch.setattr(registry, "_built_ins", lambda kind: {})
    index = {}
    for item in declarations:
        index.setdefault(item.kind, {})[item.name] = item
    monkeypatch.setattr(registry.user_code, "index", lambda kind: index.get(kind, {}))


@pytest.fixture
def declared(monkeypatch):
    fields = {"num_labels": ConfigField("int", False), "dropout": ConfigField("float | None", True)}

    def declaration(kind, name, bases=("Base",), **kwargs):
        bases = {"model": ("BaseModel",), "builder": ("BaseDatasetBuilder",)}.get(kind, bases)
        return Declaration(kind, name, f"lab.{name}", name.title(), f"{name}.py", 1, bases=bases, **kwargs)

    declare(
        monkeypatch,
        declaration("model", "pythia", config_fields=fields),
        declaration("model", "mmbt"),
        declaration("builder", "easy_vqa"),
        declaration("loss", "logit_bce"),
        declaration("metric", "accuracy"),
        declaration("processor", "vocab"),
        declaration("iteration_strategy", "round_robin"),
        declaration("scheduler", "warmup_linear"),
    )


def problems(*args):
    with pytest.raises(ConfigError) as caught:
        compose(args)
    return caught.value.problems


RUN = ("model=mmbt", "dataset=easy_vqa")
PYTHIA = ("model=pythia", "dataset=easy_vqa", "model_config.pythia.num_labels=2")


def test_all_mistakes_are_named_at_once(declared):
    assert problems("model=pythai", "dataset=easy_vqa", "training.batchsize=64", "training.max_updates=many") == [
        "model=pythai (command line): no model is registered as 'pythai'. Did you mean 'pythia'?  (mmf_list models)",
        "training.max_updates (command line): 'many' is not a whole number.",
        "training.batchsize (command line) is not a setting. Did you mean training.batch_size?",
    ]


def test_a_mistake_in_a_file_is_named_with_its_line(declared, write):
    write("lab.yaml", "training:\n  batchsize: 64\noptimizer:\n  type: 5.5\n  parms: {lr: 1}")
    write("my.yaml", "includes: [lab.yaml]\nrun_type: [train]")
    assert problems(*RUN, "config=my.yaml") == [
        'run_type (my.yaml:2): ["train"] is not text.',
        "training.batchsize (lab.yaml:2) is not a setting. Did you mean training.batch_size?",
        "optimizer.parms.lr (lab.yaml:5) is not a setting. Did you mean optimizer.params?",
        "optimizer.type (lab.yaml:4): no optimizer is registered as '5.5'.  (mmf_list optimizers)",
    ]


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("dataset=easy_vqb", "dataset=easy_vqb (command line): no dataset is registered as 'easy_vqb'. Did you mean "
         "'easy_vqa'?  (mmf_list datasets)"),
        ("early_stop.criteria=x", "early_stop.criteria (command line) is not a setting. "
         "Did you mean training.early_stop.criteria?"),
        ("batch_size=2", "batch_size (command line) is not a setting. Did you mean training.batch_size?"),
        ("zzz=1", "zzz (command line) is not a setting."),
        ("training=5", "training (command line): 5 is not a section (key: value)."),
        ("training.fp16=yes", "training.fp16 (command line): 'yes' is not true or false."),
        ("training.device=xla", "training.device (command line): 'xla' is not one of: auto, cuda, cpu."),
        ("training.log_format=jsn", "training.log_format (command line): 'jsn' is not one of: simple, json. "
         "Did you mean 'json'?"),
        ("training.batch_size=0", "training.batch_size (command line): 0 is less than 1."),
        ("training.early_stop.patience=-1", "training.early_stop.patience (command line): -1 is less than 0."),
        ("training.seed=-2", "training.seed (command line): -2 is less than -1."),
        ("run_type=foo", "run_type (command line): 'foo' names none of: train, val, test, inference, predict."),
        ("evaluation.metrics=[acuracy]", "evaluation.metrics[0] (command line): no metric is registered as 'acuracy'. "
         "Did you mean 'accuracy'?  (mmf_list metrics)"),
        ("evaluation.metrics=[{type: acuracy}]", "evaluation.metrics[0].type (command line): no metric is registered "
         "as 'acuracy'. Did you mean 'accuracy'?  (mmf_list metrics)"),
        ("evaluation.metrics=[5]", "evaluation.metrics[0] (command line): 5 is not the name of a metric."),
        ("model_config.mmbt.losses=[{type: logit_bse}]", "model_config.mmbt.losses[0].type (command line): no loss is "
         "registered as 'logit_bse'. Did you mean 'logit_bce'?  (mmf_list losses)"),
        ("evaluation.metrics=accuracy", "evaluation.metrics (command line): 'accuracy' is not a list. "
         "Did you mean evaluation.metrics=[accuracy]?"),
        ("evaluation.metrics=[{type: accuracy, datasets: [easy_vqb]}]", "evaluation.metrics[0].datasets (command line):"
         " 'easy_vqb' is not among the datasets of this run (easy_vqa). Did you mean 'easy_vqa'?"),
        ("model_config.mmbt.losses=[{type: logit_bce, datasets: alfa}]", "model_config.mmbt.losses[0].datasets "
         "(command line): 'alfa' is not among the datasets of this run (easy_vqa)."),
        ("model_config.mmbt.losses=logit_bce", "model_config.mmbt.losses (command line): 'logit_bce' is not a list. "
         "Did you mean model_config.mmbt.losses=[logit_bce]?"),
        ("model_config.mmbt.losses={type: logit_bce}", "model_config.mmbt.losses (command line): "
         '{"type": "logit_bce"} is not a list. Did you mean model_config.mmbt.losses=[{"type": "logit_bce"}]?'),
        ("model_config.mmbt.lossses=[logit_bce]", "model_config.mmbt.lossses (command line) is not a setting of model "
         "'mmbt'. Did you mean model_config.mmbt.losses?"),
        ("dataset_config.easy_vqa.procesors={}", "dataset_config.easy_vqa.procesors (command line) is not a setting of "
         "dataset 'easy_vqa'. Did you mean dataset_config.easy_vqa.processors?"),
        ("model_config=5", "model_config (command line): 5 is not a mapping (key: value)."),
        ("model=[mmbt]", 'model (command line): ["mmbt"] is not text. A run has one model: model=mmbt'),
        ("dataset=easy_vqa,easy_vqa", "datasets (command line) names 'easy_vqa' twice."),
        ("checkpoint.resume_zoo=visual_bert.vqa2", "checkpoint.resume_zoo (command line): there is no model zoo yet. "
         "Name a file with checkpoint.resume_file."),
        ("env.save_dir=", "env.save_dir (command line) is empty. "
         "Name a folder: env.save_dir=./save, or the variable MMF_SAVE_DIR."),
        ("dataset_config.easy_vqa.processors={text: {type: vocabb}}", "dataset_config.easy_vqa.processors.text.type "
         "(command line): no processor is registered as 'vocabb'. Did you mean 'vocab'?  (mmf_list processors)"),
        ("multitasking.type=roundrobin", "multitasking.type (command line): no iteration strategy is registered as "
         "'roundrobin'. Did you mean 'round_robin'?  (mmf_list iteration_strategies)"),
        ("training.trainer=lightening", "training.trainer (command line): no trainer is registered as 'lightening'.  "
         "(mmf_list trainers)"),
        ("scheduler.type=warmup_lin", "scheduler.type (command line): no scheduler is registered as 'warmup_lin'. "
         "Did you mean 'warmup_linear'?  (mmf_list schedulers)"),
        ("model_config.mmbd.x=1", "model_config.mmbd (command line): 'mmbd' is not part of this run. "
         "Did you mean model_config.mmbt?"),
        ("training.clip_gradients=true", "training.clip_gradients (command line) is true, but "
         "training.max_grad_l2_norm is not set. Set it to a norm."),
        ("training.max_updates=null", "training.max_updates (command line) is null; set it or training.max_epochs."),
        ("training.log_interval=${training.batch_sizes}", "training.log_interval (command line): "
         "${training.batch_sizes} does not resolve: Interpolation key 'training.batch_sizes' not found."),
        ("env.save_dir=${oc.env:NO_SUCH}", "env.save_dir (command line): ${oc.env:NO_SUCH} does not resolve: "
         "Environment variable 'NO_SUCH' not found."),
    ],
)  # fmt: skip
def test_one_mistake(declared, argument, problem):
    assert problems(*RUN, argument) == [problem]


def test_neither_model_nor_dataset(declared):
    assert problems() == [
        "No model is named. Add model=<name>  (mmf_list models)",
        "No dataset is named. Add dataset=<name>  (mmf_list datasets)",
    ]


def test_both_batch_sizes(declared, write):
    write("my.yaml", "training: {batch_size: 4}")
    assert problems(*RUN, "config=my.yaml", "training.batch_size_per_device=2") == [
        "training.batch_size (my.yaml:1) and training.batch_size_per_device (command line) say the same thing twice. "
        "Set one of them to null."
    ]


@pytest.mark.parametrize(
    "argument",
    [
        "optimizer.type=SGD",
        "scheduler.type=CosineAnnealingLR",
        "optimizer.params.momentum=0.9",
        "trainer.params.strategy=ddp",
        "evaluation.reporter.params.x=1",
        "training.wandb.tags=[a]",
        "model_config.mmbt.anything.goes=1",
        "dataset_config.easy_vqa.anything=1",
        "x_mine=1",
        "other_configs={a: 1}",
        "training.trainer=mmf",
    ],
)
def test_what_is_free_to_be_new(declared, argument):
    assert compose([*RUN, argument]).notes == []


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("dataset_config.easy_vqa.procesors={}", "dataset_config.easy_vqa.procesors (command line) is not a setting of "
         "dataset 'easy_vqa'. Did you mean dataset_config.easy_vqa.processors?"),
        ("dataset_config.easy_vqa.max_picture.train=4", "dataset_config.easy_vqa.max_picture (command line) is not a "
         "setting of dataset 'easy_vqa'. Did you mean dataset_config.easy_vqa.max_pictures?"),
        ("dataset_config.easy_vqa.max_pictures=4", "dataset_config.easy_vqa.max_pictures (command line): 4 is not a "
         "mapping (key: value)."),
    ],
)  # fmt: skip
def test_the_section_of_easy_vqa_is_checked(argument, problem):
    assert problems("model=pythia", "dataset=easy_vqa", argument) == [problem]


def test_easy_vqa_takes_what_its_builder_reads():
    arguments = ["dataset_config.easy_vqa.max_pictures.train=4", "dataset_config.easy_vqa.data_dir=x"]
    section = compose(["model=pythia", "dataset=easy_vqa", *arguments]).config.dataset_config.easy_vqa
    assert (section.max_pictures, section.data_dir) == ({"train": 4}, "x")


def test_a_near_miss_that_the_authors_own_file_sets_is_no_slip(write):
    source = """
@registry.register_builder("d")
class Thing(BaseDatasetBuilder):
    @classmethod
    def config_path(cls):
        return "d.yaml"
"""
    write("lab_near/d.py", source)
    write("lab_near/d.yaml", "dataset_config: {d: {image: 1}}")
    config = compose(["model=pythia", "dataset=d", "env.user_dir=lab_near", "dataset_config.d.image=2"]).config
    assert config.dataset_config.d.image == 2


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("model_config.pythia.droput=0", "model_config.pythia.droput (command line) is not a setting of model "
         "'pythia'. Did you mean model_config.pythia.dropout?"),
        ("model_config.pythia.dropout=much", "model_config.pythia.dropout (command line): 'much' is not a number."),
    ],
)  # fmt: skip
def test_a_model_with_a_config_class_types_its_section(declared, argument, problem):
    assert problems(*PYTHIA, argument) == [problem]


def test_a_field_without_default_must_be_set(declared):
    assert problems(*PYTHIA[:2], "model_config.pythia.dropout=0.1") == [
        "model_config.pythia.num_labels has no default and is not set."
    ]


def test_model_and_losses_are_always_fields(declared):
    config = compose([*PYTHIA, "model_config.pythia.model=pythia", "model_config.pythia.losses=[logit_bce]"]).config
    assert config.model_config.pythia.losses == ["logit_bce"]
