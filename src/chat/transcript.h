// The types that every room speaks: a problem, its blocks, and the whole record of how it was solved.
// Plain values: copyable, no invariants beyond those written here; not thread-safe, as any value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mathcoder::chat {

using TokenId = std::int32_t;

enum class BlockKind : std::uint8_t { kText, kCode, kExecution };

struct Block {
  BlockKind kind = BlockKind::kText;
  std::string text;  // without the dialect's markers
  bool operator==(const Block&) const = default;
};

// Who wrote a token, and in which channel. A block's markers have the role of their block; kTemplate is what frames the
// prompt (turn headers). Loss is taken on kText and kCode alone (arXiv 2310.03731).
enum class TokenRole : std::uint8_t { kTemplate, kSystem, kUser, kText, kCode, kExecution };

struct Problem {
  std::string id;             // empty where the file gave none
  bool id_is_number = false;  // in the file; it is written as it was read
  std::string question;
  std::optional<std::string> system;  // nullopt: the dialect's own system message
  base::Json reference;  // "ground_truth" as it was read ({"solution", "answer"}); null where absent. `answer` may be a number
  base::Json extra;      // every field of the record that is not one of the above, in order; null where none
};

// How the run of one code block ended. Verdicts come from the sandbox's own observation, never from what the code printed.
enum class ExecutionVerdict : std::uint8_t {
  kOk,
  kError,           // an exception; the traceback is in the output
  kTimeout,         // interrupted, the session's state is kept
  kSessionLost,     // killed or crashed; `detail` says why
  kMemory,          // the session went over its memory and was killed
  kInfrastructure,  // the sandbox itself failed: never fed to the model, never scored
};

struct Execution {
  std::size_t code_block = 0;  // index into Transcript::blocks of the block that ran
  ExecutionVerdict verdict = ExecutionVerdict::kOk;
  std::string detail;      // "exit 3", "SIGSEGV", "memory limit 512 MiB"; empty when kOk
  bool truncated = false;  // the output was longer than the cap
  std::chrono::microseconds wall{0};
  // Tokens prefilled to hand the observation to the model: those of the execution block plus the one that was sampled last.
  // 0 where the engine does not prefill (a recording, an endpoint).
  std::size_t prefilled_tokens = 0;
};

enum class Ending : std::uint8_t {
  kAnswered,  // the model ended its message
  kBlockLimit,
  kTokenLimit,
  kContextFull,
  kSessionLost,     // the Python session died
  kSandboxFailure,  // the jail failed, not the code: never scored
  kEngineFailure,
  kCancelled,
};

struct Timings {
  std::chrono::microseconds total{0};     // from the start of the problem to its end
  std::chrono::microseconds generate{0};  // waiting for the engine
  std::chrono::microseconds execute{0};   // waiting for the sandbox
  std::size_t prompt_tokens = 0;
  std::size_t generated_tokens = 0;
  std::size_t observation_tokens = 0;
};

// What made this transcript. Strings, so that a record can be read without the program that wrote it.
struct Provenance {
  std::string program;       // "mathcoder 0.1.0"
  std::string engine;        // "llama.cpp b1234", "endpoint http://...", "recording"
  std::string model;         // name or file
  std::string model_sha256;  // empty where unknown
  std::string dialect;
  std::string observation_policy;
  std::string sandbox_tier;  // "A", "B", "C"
  std::string library_set;   // "current", "published"
  base::Json sampling;       // {"temperature", ..., "seed"}
  base::Json settings;       // what else shapes the result: {"limits", "lora", "system", ...}; null where unknown
};

struct Transcript {
  Problem problem;
  std::vector<Block> blocks;           // the assistant's message
  std::vector<TokenId> token_ids;      // prompt and message, exactly as the engine held them
  std::vector<TokenRole> token_roles;  // as long as token_ids
  std::vector<Execution> executions;   // one a code block that ran, in order
  Ending ending = Ending::kAnswered;
  std::string ending_detail;  // one line; empty when kAnswered
  std::string final_answer;   // what the message states; empty where nothing was found
  std::uint32_t sample = 0;   // 0 .. k-1
  Timings timings;
  Provenance provenance;
  // Only of a transcript that was read from a published record: what WriteMathCoder needs to write that record again. It is the
  // record itself, but under "debug_result" stands what is around the blocks: {"head", "entries", "answer"} (docs/formats.md). Null
  // otherwise.
  base::Json published;
};

std::string_view Name(BlockKind kind);            // "text", "code", "execution"
std::string_view Name(TokenRole role);            // "template", "system", "user", "text", "code", "execution"
std::string_view Name(ExecutionVerdict verdict);  // "ok", "error", "timeout", "session_lost", "memory", "infrastructure"
std::string_view Name(Ending ending);             // "answered", "block_limit", ...
// The inverse of each; nullopt for an unknown name.
std::optional<BlockKind> BlockKindFromName(std::string_view name);
std::optional<TokenRole> TokenRoleFromName(std::string_view name);
std::optional<ExecutionVerdict> ExecutionVerdictFromName(std::string_view name);
std::optional<Ending> EndingFromName(std::string_view name);

}  // namespace mathcoder::chat
