// Where training data comes from: files of transcripts, each with its share of an epoch.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mathcoder::train {

// One line of a configuration.
struct DataSource {
  std::string files;    // a path, or a pattern of the shell ("data/*-correct.jsonl")
  double repeat = 1.0;  // copies of each example in an epoch; 0.25: a quarter of them, another one in each epoch
};

// "FILES" or "FILES:REPEAT", as a configuration has it. A file whose name ends so is taken for the file.
DataSource ParseSource(std::string_view text);

struct DataFile {
  std::filesystem::path path;
  double repeat = 1.0;
};

// The files in the order of the sources, those of a pattern by name. Throws base::BadInput: a pattern or path without a file, a
// file named twice, a repeat that is negative or no number.
std::vector<DataFile> ExpandSources(const std::vector<DataSource>& sources);

}  // namespace mathcoder::train
