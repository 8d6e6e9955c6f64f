#include "chat/transcript.h"

#include <array>
#include <utility>

namespace mathcoder::chat {
namespace {

template <typename T, std::size_t N>
using Names = std::array<std::pair<T, std::string_view>, N>;

constexpr Names<BlockKind, 3> kBlockKinds{{
    {BlockKind::kText, "text"},
    {BlockKind::kCode, "code"},
    {BlockKind::kExecution, "execution"},
}};
constexpr Names<TokenRole, 6> kTokenRoles{{
    {TokenRole::kTemplate, "template"},
    {TokenRole::kSystem, "system"},
    {TokenRole::kUser, "user"},
    {TokenRole::kText, "text"},
    {TokenRole::kCode, "code"},
    {TokenRole::kExecution, "execution"},
}};
constexpr Names<ExecutionVerdict, 6> kVerdicts{{
    {ExecutionVerdict::kOk, "ok"},
    {ExecutionVerdict::kError, "error"},
    {ExecutionVerdict::kTimeout, "timeout"},
    {ExecutionVerdict::kSessionLost, "session_lost"},
    {ExecutionVerdict::kMemory, "memory"},
    {ExecutionVerdict::kInfrastructure, "infrastructure"},
}};
constexpr Names<Ending, 8> kEndings{{
    {Ending::kAnswered, "answered"},
    {Ending::kBlockLimit, "block_limit"},
    {Ending::kTokenLimit, "token_limit"},
    {Ending::kContextFull, "context_full"},
    {Ending::kSessionLost, "session_lost"},
    {Ending::kSandboxFailure, "sandbox_failure"},
    {Ending::kEngineFailure, "engine_failure"},
    {Ending::kCancelled, "cancelled"},
}};

template <typename T, std::size_t N>
std::string_view NameIn(const Names<T, N>& names, T value) {
  for (const auto& [key, name] : names) {
    if (key == value) return name;
  }
  return "unknown";
}

template <typename T, std::size_t N>
std::optional<T> ValueIn(const Names<T, N>& names, std::string_view wanted) {
  for (const auto& [key, name] : names) {
    if (name == wanted) return key;
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(BlockKind kind) { return NameIn(kBlockKinds, kind); }
std::string_view Name(TokenRole role) { return NameIn(kTokenRoles, role); }
std::string_view Name(ExecutionVerdict verdict) { return NameIn(kVerdicts, verdict); }
std::string_view Name(Ending ending) { return NameIn(kEndings, ending); }

std::optional<BlockKind> BlockKindFromName(std::string_view name) { return ValueIn(kBlockKinds, name); }
std::optional<TokenRole> TokenRoleFromName(std::string_view name) { return ValueIn(kTokenRoles, name); }
std::optional<ExecutionVerdict> ExecutionVerdictFromName(std::string_view name) { return ValueIn(kVerdicts, name); }
std::optional<Ending> EndingFromName(std::string_view name) { return ValueIn(kEndings, name); }

}  // namespace mathcoder::chat
