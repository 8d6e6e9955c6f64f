// Files of transcripts that are graded as they are: our own, or published ones (docs/formats.md).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chat/transcript.h"
#include "evaluate/benchmark.h"

namespace mathcoder::evaluate {

struct GivenTranscript {
  Task task;
  Question question;
  chat::Transcript transcript;
  std::string model;  // of the record; of a published one: the name of the file's folder
  std::string file;   // as it was named: its folder and name
};

// Which question of which benchmark a transcript answers.
class QuestionIndex {
 public:
  explicit QuestionIndex(const std::vector<Dataset>& datasets);

  struct Place {
    std::string benchmark;
    std::size_t index = 0;
    const Question* question = nullptr;
  };
  // By the question's text, among the datasets or in one benchmark. `nth`: files repeat questions; the nth transcript of a text
  // answers its nth occurrence, or the last.
  std::optional<Place> Find(const std::string& question, const std::string& benchmark, std::size_t nth) const;

 private:
  std::map<std::string, std::vector<Place>> by_text_;
};

// Reads the files in order. The benchmark of a transcript: what its record says (our own runs), else the file's name, else the
// question found in `datasets`. Its place: where the question stands in the datasets, else its number within the files. Throws
// base::BadInput: a malformed record, a transcript without a benchmark, one without a reference.
void ReadTranscriptFiles(const std::vector<std::filesystem::path>& files, const std::vector<Benchmark>& known,
                         const std::vector<Dataset>& datasets, const std::function<void(GivenTranscript)>& visit);

}  // namespace mathcoder::evaluate
