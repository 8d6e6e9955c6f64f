// The first word with each server: which models it serves, and what it is.
#pragma once

#include <string>
#include <vector>

#include "engine/endpoint_engine.h"
#include "engine/endpoint_protocol.h"

namespace mathcoder::engine {

struct Endpoint {
  std::string url;
  std::string display;
  ModelList models;
  bool standard_only = false;  // it rejects what OpenAI's API does not know
  bool stop_strings = true;    // it says which stop string it hit, or keeps it in the text
};

// Asks all of options.urls at once for /models. Throws base::Unavailable with one line that names every endpoint which cannot be
// used.
std::vector<Endpoint> ProbeEndpoints(const EndpointOptions& options);

}  // namespace mathcoder::engine
