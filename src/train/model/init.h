// First values of parameters. Deterministic: a value depends on the seed, the parameter's name and its place in it, not on the
// number of processes, of threads, or on what else is initialised. Pure functions, thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/model/layout.h"
#include "weights/model_config.h"

namespace mathcoder::train {

// f32 [shape] on the CPU. Matrices: normal, deviation 0.02; o_proj and down_proj, which add to the residual stream 2 * layers times
// in all, 0.02 / sqrt(2 * layers) (GPT-2). Norms: 1. Biases: 0. Adapters: A uniform in +-1/sqrt(in) (PyTorch's kaiming_uniform with
// a = sqrt(5), as in PEFT), B zero, so that an adapted model begins as its base.
at::Tensor InitialValue(const Parameter& parameter, const weights::ModelConfig& config, std::uint64_t seed);

// embedding or output matrix [old, hidden] -> [rows, hidden]: new rows are the mean of the old ones (in f64), so that a new token
// begins as the average one. Precondition: rows >= old.
at::Tensor GrowRows(const at::Tensor& matrix, std::int64_t rows);

}  // namespace mathcoder::train
