// The JSONL records of the field. Reading accepts every published form; writing gives the project's own record, or the
// published MathCoder one. Pure functions, thread-safe.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "chat/transcript.h"

namespace mathcoder::chat {

// A problem: MathCoder's {"id"?, "messages", "ground_truth"?}, NeMo's {"problem", "expected_answer"?}, ToRA's {"idx"?, "question",
// "gt"?}, OpenAI's {"messages": [{"role", "content": "..."}]}, or {"question"|"problem"|"prompt", "answer"?}. An id may be a number.
base::Result<Problem> ReadProblem(const base::Json& record);

// A solved problem. `debug_result` with "role" or "type" (MathCoder), or the project's own record ("blocks").
base::Result<Transcript> ReadTranscript(const base::Json& record);

// The published form: the record that was read, field for field in its order, for a transcript that came from one.
base::Json WriteMathCoder(const Transcript& transcript);

// The project's own form: everything in Transcript. {"id", "messages", "ground_truth", "debug_result", "completion", ...,
// "mathcoder": {"sample", "ending", "executions", "token_ids", "token_roles", "timings", "provenance"}}: readers of the
// published form read it as it stands.
base::Json WriteTranscript(const Transcript& transcript);

}  // namespace mathcoder::chat
