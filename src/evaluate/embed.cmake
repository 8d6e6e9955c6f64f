# cmake -DOUTPUT=x.cc -DROOT=<source root> -DKATEX=<file or empty> -P embed.cmake
# Writes the files behind resources.h as C++ strings. Raw string literals: GCC and Clang take them at any length.
function(literal out file)
  if(file STREQUAL "" OR NOT EXISTS "${file}")
    set(${out} "\"\"" PARENT_SCOPE)
    return()
  endif()
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f])" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" hex "${hex}")
  string(REGEX REPLACE "([^\n]+)" "\"\\1\"" hex "${hex}")
  set(${out} "${hex}" PARENT_SCOPE)
endfunction()
set(here ${ROOT}/src/evaluate)
set(body "// Written by src/evaluate/embed.cmake.\n#include \"evaluate/resources.h\"\n\nnamespace mathcoder::evaluate {\nnamespace {\n")
set(list "")
foreach(name gsm8k math svamp simuleq mathematics)
  literal(text ${here}/benchmarks/${name}.yaml)
  string(APPEND body "constexpr char kBenchmark_${name}[] =\n${text};\n")
  string(APPEND list "      {\"${name}.yaml\", {kBenchmark_${name}, sizeof kBenchmark_${name} - 1}},\n")
endforeach()
foreach(pair Published|${ROOT}/docs/paper-results.md Style|${here}/page/report.css Script|${here}/page/report.js Katex|${KATEX})
  string(REPLACE "|" ";" pair "${pair}")
  list(GET pair 0 name)
  list(LENGTH pair length)
  set(file "")
  if(length GREATER 1)
    list(GET pair 1 file)
  endif()
  literal(text "${file}")
  string(APPEND body "constexpr char k${name}[] =\n${text};\n")
endforeach()
string(APPEND body "}  // namespace\n
const std::vector<Resource>& BenchmarkFiles() {
  static const std::vector<Resource> files = {
${list}  };
  return files;
}
std::string_view PublishedResultsMarkdown() { return {kPublished, sizeof kPublished - 1}; }
std::string_view ReportStyle() { return {kStyle, sizeof kStyle - 1}; }
std::string_view ReportScript() { return {kScript, sizeof kScript - 1}; }
std::string_view KatexScript() { return {kKatex, sizeof kKatex - 1}; }

}  // namespace mathcoder::evaluate
")
file(WRITE ${OUTPUT}.part "${body}")
file(RENAME ${OUTPUT}.part ${OUTPUT})
