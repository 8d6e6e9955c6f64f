// The rotary keys of config.json, in both forms.
#pragma once

#include <string>

#include "weights/model_config.h"

namespace mathcoder::weights {

// Sets rope_theta and rope_scaling. Throws BadInput.
void ReadRope(const base::Json& config, const std::string& where, ModelConfig& out);
// Changes the rotary keys of `json`, in the form that it uses already, where they differ from the fields.
void WriteRope(const ModelConfig& config, base::Json& json);

}  // namespace mathcoder::weights
