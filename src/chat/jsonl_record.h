// Small readers of JSON fields that say what was found where something else was expected. Private to chat/.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/result.h"
#include "chat/transcript.h"

namespace mathcoder::chat {

// "a number (7)", "a string (\"x...\")", "an array of 3".
std::string Describe(const base::Json& value);

// "field 'NAME' holds FOUND, expected EXPECTED".
base::Failure WrongField(const std::string& name, const base::Json& found, const std::string& expected);

// The text of a message: a string, or a list of parts {"type": "text", "content" or "text": ...}.
base::Result<std::string> TextOfContent(const base::Json& content, const std::string& name);

// The messages of a problem: at most one system message, one user message, and what an assistant answered, if anything.
struct Messages {
  std::optional<std::string> system;
  std::string question;
  const base::Json* assistant = nullptr;  // the content of the first assistant message; borrowed
};
base::Result<Messages> ReadMessages(const base::Json& messages);

// The object under "mathcoder" in the project's own record: all of `transcript` that the published fields do not say.
base::Json WriteOwnPart(const Transcript& transcript);
// Fills `transcript` from it. nullopt when it went well.
std::optional<base::Failure> ReadOwnPart(const base::Json& own, Transcript* transcript);

}  // namespace mathcoder::chat
