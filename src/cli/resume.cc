#include "cli/resume.h"

#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "chat/jsonl_formats.h"

namespace mathcoder::cli {
namespace {

std::string Identity(const chat::Problem& problem) { return base::Sha256(problem.id + '\0' + problem.question); }
std::string Key(const std::string& identity, std::size_t nth) { return identity + "#" + std::to_string(nth); }

// The seed differs between samples; everything else must be equal.
base::Json WithoutSeed(base::Json sampling) {
  if (sampling.is_object()) sampling.erase("seed");
  return sampling;
}

}  // namespace

FinishedWork::FinishedWork(const std::filesystem::path& path, const chat::Provenance& now, const base::Json& sampling) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return;
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> counts;
  base::JsonLines lines(path);
  while (auto record = lines.Next()) {
    if (!record->ok()) throw base::BadInput(record->error() + "; --out must be a file that `mathcoder solve` wrote");
    const auto transcript = chat::ReadTranscript(**record);
    if (!transcript.ok())
      throw base::BadInput(lines.Where() + ": " + transcript.error() + "; --out must be a file that `mathcoder solve` wrote");
    const chat::Provenance& then = transcript->provenance;
    const auto differs = [&](const char* what, const std::string& was, const std::string& is) {
      if (was != is) {
        throw base::BadInput(lines.Where() + ": was made with " + what + " " + was + ", this run uses " + is +
                             "; choose another --out, or the same settings");
      }
    };
    differs("the model", then.model_sha256.empty() ? then.model : then.model_sha256,
            now.model_sha256.empty() ? now.model : now.model_sha256);
    differs("the dialect", then.dialect, now.dialect);
    differs("the library set", then.library_set, now.library_set);
    differs("the observation policy", then.observation_policy, now.observation_policy);
    differs("the settings", base::Dump(then.settings), base::Dump(now.settings));
    differs("the sampling", base::Dump(WithoutSeed(then.sampling)), base::Dump(WithoutSeed(sampling)));
    const std::string identity = Identity(transcript->problem);
    const std::size_t nth = counts[{identity, transcript->sample}]++;
    done_.insert({Key(identity, nth), transcript->sample});
  }
}

std::string FinishedWork::KeyOfNext(const chat::Problem& problem) {
  const std::string identity = Identity(problem);
  return Key(identity, seen_[identity]++);
}

}  // namespace mathcoder::cli
