// Options and reports as JSON, for the way between client and sandboxd.
#pragma once

#include "base/json.h"
#include "sandbox/sandbox.h"

namespace mathcoder::sandbox {

base::Json ToJson(const SandboxOptions& options);
SandboxOptions OptionsFromJson(const base::Json& json);
base::Json ToJson(const TierReport& report);
TierReport ReportFromJson(const base::Json& json);

}  // namespace mathcoder::sandbox
