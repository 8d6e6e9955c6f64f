// What surrounds an answer in a message and is no part of it: thoughts, fences, JSON. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mathcoder::grade {

// What stands behind the last closed thought ("</think>", "</thinking>", ...), where something does: what a model thought aloud
// does not win over what it said then. Otherwise the whole text.
std::string_view BehindThoughts(std::string_view text);

// The answer that JSON at the text's end states: {"answer": 42}, also in a fence. Read by its key alone, since LaTeX in JSON is
// seldom escaped as it should be. nullopt: there is none.
std::optional<std::string> AnswerInJson(std::string_view text);

// The last box begins and never ends: the message was cut within its answer.
bool EndsInOpenBox(std::string_view text);

// The message says that it found nothing: "I cannot solve this. There are 7 variables." Only its last part is looked at.
bool Refuses(std::string_view text);

}  // namespace mathcoder::grade
