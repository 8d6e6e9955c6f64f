// What a training run is: read from YAML, changed by key=value on the command line, written whole into the run's folder. Every key,
// its default and its meaning: KeyTable(), which `mathcoder train --keys` and docs/training.md print. A plain value. Errors name
// file and line, the key, what was found and what is expected; an unknown key names the nearest one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mathcoder::train {

struct Config {
  std::string run;  // the folder of checkpoints, metrics and the result

  struct ModelPart {
    std::string from;       // Hugging Face folder to start from
    std::string config;     // or a config.json to start from scratch
    std::string tokenizer;  // folder; empty: `from`
    bool add_dialect_tokens = true;
    std::string compute = "bf16";
    std::string checkpointing = "selective";
    std::vector<std::string> freeze;
  } model;

  struct LoraPart {
    std::int64_t rank = 0;
    double alpha = 16;
    bool rslora = false;
    std::vector<std::string> target_modules, modules_to_save;
    std::string from;  // a PEFT folder to go on from
  } lora;

  struct DataPart {
    std::vector<std::string> train;     // FILE or FILE:REPEAT; patterns with * and ?
    std::vector<std::string> held_out;  // files; empty: a share of `train`
    double held_out_share = 0.01;
    std::string dialect = "mathcoder";
    std::string observation = "mathcoder";
    std::int64_t length = 2048;
    std::string overlong = "drop";
    std::string recorded_tokens = "use";
    double loss_text = 1, loss_code = 1, loss_execution = 0, loss_system = 0, loss_user = 0, loss_template = 0;
    std::string cache;  // folder; empty: RUN/cache
  } data;

  std::int64_t batch_rows = 32;
  double epochs = 3;
  std::int64_t steps = 0;  // 0: from epochs
  double minutes = 0;      // 0: no limit
  std::uint64_t seed = 1;

  struct OptimizerPart {
    std::string name = "adamw";
    double learning_rate = 2e-5, weight_decay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    std::string moments = "f32";
    std::string gradients = "auto";
    double clip = 1;
    double muon_momentum = 0.95, muon_learning_rate_factor = 1;
  } optimizer;

  struct SchedulePart {
    std::string name = "cosine";
    std::int64_t warmup_steps = 50;
    double minimum_ratio = 0, decay_share = 0.2;
    std::string decay = "1-sqrt";
  } schedule;

  struct ParallelPart {
    std::int64_t zero = 0;
    std::int64_t threads = 0;
    std::string device = "auto";
  } parallel;

  struct CheckpointPart {
    std::int64_t every_steps = 0;
    double every_minutes = 10;
    std::int64_t keep = 2, keep_every = 0;
    bool asynchronous = true;
  } checkpoints;

  struct GuardPart {
    std::string nan = "stop", spike = "skip";
    double spike_deviations = 8, spike_factor = 0;
    std::int64_t window = 100, limit = 5;
  } guard;

  struct WatchPart {
    std::int64_t log_every = 1;
    std::int64_t held_out_every = 0;  // steps; 0: at the start and at the end
    std::int64_t held_out_rows = 0;   // 0: all
    std::int64_t eval_every = 0;      // steps; 0: never
    std::string eval_problems;
    std::int64_t eval_count = 8;
    bool tensorboard = true;
  } watch;

  struct ResultPart {
    std::string gguf = "f16";  // empty: none
    std::string type;          // of the Hugging Face folder: empty: as it was read, bf16 from scratch
  } result;
};

// `overrides`: "optimizer.learning_rate=1e-5". Relative paths are those of the working directory. Throws base::BadInput.
Config ReadConfig(const std::filesystem::path& file, const std::vector<std::string>& overrides);
// `where` stands for the file's name in messages.
Config ParseConfig(std::string_view yaml, const std::string& where, const std::vector<std::string>& overrides);

// Every key with its value, nested as in the file.
base::Json ToJson(const Config& config);
std::string ToYaml(const Config& config);

struct Key {
  std::string name;     // "optimizer.learning_rate"
  std::string initial;  // the default, as YAML
  std::string meaning;
};
std::vector<Key> KeyTable();

// The keys whose values differ and that change what is learnt (a resumed run must not differ in these): "data.length: 2048, now
// 1024". Empty where the two runs are the same.
std::string WhatDiffers(const base::Json& before, const Config& now);

}  // namespace mathcoder::train
