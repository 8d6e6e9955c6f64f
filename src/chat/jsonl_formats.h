// The JSONL records of the field. Reading accepts every published form; writing gives the project's own record, or the
// published MathCoder one. Pure functions, thread-safe.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "chat/transcript.h"

namespace mathcoder::chat {

// A problem: MathCoder's {"id"?, "messages", "ground_truth"?}, NeMo's {"problem", "expected_answer"?}, ToRA's {"idx"?, "question",
// "gt"?}, OpenAI's {"messages": [{"role", "content": "..."}]}, or {"question"|"problem"|"prompt", "answer"?}. An id may be a
// number.
base::Result<Problem> ReadProblem(const base::Json& record);

// A solved problem: `debug_result` with "role" or "type" (the published outputs), an assistant message whose content is a list of
// text, code and execution (MathCodeInstruct), or the project's own record. Transcript::blocks is what the model wrote and what it
// was shown: the answer that the published program appended to a finished message is no block but final_answer.
base::Result<Transcript> ReadTranscript(const base::Json& record);

// The published form. For a transcript that was read from a published record: that record, field for field in its order, with the
// transcript's blocks. For any other: {"id"?, "messages", "ground_truth"?, "debug_result", "completion"} and the problem's extra
// fields.
base::Json WriteMathCoder(const Transcript& transcript);

// The project's own form: everything in Transcript. {"id", "messages", "ground_truth", "debug_result", "completion", ...,
// "mathcoder": {"sample", "ending", "executions", "token_ids", "token_roles", "timings", "provenance", ...}}: readers of the
// published form read it as it stands. docs/formats.md lists the fields.
base::Json WriteTranscript(const Transcript& transcript);

}  // namespace mathcoder::chat
