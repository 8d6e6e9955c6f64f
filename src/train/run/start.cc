#include "train/run/start.h"

#include <ATen/ATen.h>

#include <set>
#include <string>

#include "train/model/adapter_io.h"
#include "train/model/hf_io.h"
#include "train/model/init.h"
#include "train/run/device.h"
#include "weights/hf_weights.h"
#include "weights/model_tensors.h"

namespace mathcoder::train {
namespace {

MomentType MomentsOf(const std::string& name) {
  return name == "bf16" ? MomentType::kBf16 : name == "int8" ? MomentType::kInt8 : MomentType::kF32;
}

// The config of the weights as they lie in the folder: before the vocabulary grew.
weights::ModelConfig ConfigOfFolder(const Preparation& preparation) {
  weights::ModelConfig config = preparation.model();
  config.vocab_size = preparation.old_vocabulary();
  return config;
}

}  // namespace

TrainStateOptions StateOptionsOf(const Config& config, bool one_row_a_process, at::Device device) {
  TrainStateOptions options;
  const auto& optimizer = config.optimizer;
  options.zero_stage = static_cast<int>(config.parallel.zero);
  options.compute = ComputeTypeOf(config);
  const bool bf16 = optimizer.gradients == "bf16" || (optimizer.gradients == "auto" && one_row_a_process);
  options.gradient = options.compute == at::kBFloat16 && bf16 ? at::kBFloat16 : at::kFloat;
  options.device = device;
  options.adamw = {.beta1 = optimizer.beta1,
                   .beta2 = optimizer.beta2,
                   .epsilon = optimizer.epsilon,
                   .weight_decay = optimizer.weight_decay,
                   .moments = MomentsOf(optimizer.moments),
                   .seed = config.seed};
  options.muon = optimizer.name == "muon";
  options.muon_options = {.momentum = optimizer.muon_momentum, .weight_decay = optimizer.weight_decay};
  options.muon_learning_rate_factor = optimizer.muon_learning_rate_factor;
  return options;
}

void SetStart(const Preparation& preparation, TrainState& state) {
  const Config& config = preparation.config();
  std::set<std::string> set;
  const auto use = [&](const std::string& name, const at::Tensor& value) {
    state.SetParameter(name, value);
    set.insert(name);
  };
  if (!config.model.from.empty()) {
    const weights::HfWeights folder(preparation.model_folder());
    LoadHf(folder, ConfigOfFolder(preparation), preparation.model().vocab_size, use);
  }
  if (!config.lora.from.empty()) LoadAdapter(config.lora.from, preparation.layout(), use);
  for (const Unit& unit : preparation.layout().units) {  // from scratch, and new adapters
    for (const auto* parameters : {&unit.learning, &unit.frozen}) {
      for (const Parameter& parameter : *parameters) {
        if (!set.contains(parameter.name))
          state.SetParameter(parameter.name, InitialValue(parameter, preparation.model(), config.seed));
      }
    }
  }
}

}  // namespace mathcoder::train
