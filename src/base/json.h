// The one place that names the JSON library (nlohmann-json). ordered_json: a record is written in the order it was read.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace mathcoder::base {

using Json = nlohmann::ordered_json;
// Objects sorted by key. For objects of very many keys (a vocabulary), which ordered_json reads in quadratic time.
using SortedJson = nlohmann::json;

// One line, no spaces, UTF-8; invalid UTF-8 becomes U+FFFD instead of an exception.
std::string Dump(const Json& value);

}  // namespace mathcoder::base
