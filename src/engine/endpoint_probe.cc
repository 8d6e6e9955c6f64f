#include "engine/endpoint_probe.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/error.h"
#include "engine/endpoint_transfer.h"

namespace mathcoder::engine {
namespace {

using std::chrono::milliseconds;

struct Probe {
  Endpoint endpoint;
  std::string error;  // empty: well
};

// GET /models, the first word with a server.
Probe Ask(const EndpointOptions& options, const std::string& url) {
  Probe probe;
  probe.endpoint.url = NormaliseUrl(url);
  probe.endpoint.display = DisplayUrl(probe.endpoint.url);
  std::string body;
  Transfer transfer(options, probe.endpoint.url + "/models", "", [&body](std::string_view bytes) {
    body += bytes;
    return body.size() < (std::size_t{16} << 20);
  });
  curl_easy_setopt(transfer.handle(), CURLOPT_TIMEOUT_MS,
                   static_cast<long>((options.connect_timeout + milliseconds(30000)).count()));
  const CURLcode code = curl_easy_perform(transfer.handle());
  if (code != CURLE_OK) {
    probe.error = probe.endpoint.display + " cannot be reached: " + transfer.Why(code);
    return probe;
  }
  const long status = transfer.status();
  if (status == 401 || status == 403) {
    probe.error =
        probe.endpoint.display + " refuses the key (HTTP " + std::to_string(status) + "); put the right one into the environment";
    return probe;
  }
  if (status != 200 && !(status == 404 || status == 405 || status == 501)) {
    probe.error = probe.endpoint.display + " answers " + Classify(status, body).message;
    return probe;
  }
  if (status == 200) {
    if (auto models = ParseModels(body)) {
      probe.endpoint.models = std::move(*models);
    } else {
      probe.error = probe.endpoint.display + " is no OpenAI-compatible endpoint: what it gives for /models is no list of models";
      return probe;
    }
  }
  const std::vector<std::string>& models = probe.endpoint.models.models;
  if (models.empty() && options.model.empty()) {
    probe.error = probe.endpoint.display + " names no model; say which one to use";
  } else if (!models.empty() && !options.model.empty() && probe.endpoint.models.kind != ServerKind::kLlamaServer &&
             std::ranges::find(models, options.model) == models.end()) {
    probe.error = probe.endpoint.display + " has no model '" + options.model + "', it serves '" + models.front() + "'" +
                  (models.size() > 1 ? " and " + std::to_string(models.size() - 1) + " more" : "");
  }
  return probe;
}

}  // namespace

std::vector<Endpoint> ProbeEndpoints(const EndpointOptions& options) {
  for (const std::string& url : options.urls) NormaliseUrl(url);
  std::vector<std::future<Probe>> asked;
  for (const std::string& url : options.urls) {
    asked.push_back(std::async(std::launch::async, [&options, url] { return Ask(options, url); }));
  }
  std::vector<Endpoint> endpoints;
  std::string errors;
  for (auto& answer : asked) {
    Probe probe = answer.get();
    if (!probe.error.empty()) errors += (errors.empty() ? "" : "; ") + probe.error;
    endpoints.push_back(std::move(probe.endpoint));
  }
  if (!errors.empty()) throw base::Unavailable("endpoint " + errors);
  return endpoints;
}

}  // namespace mathcoder::engine
