# cmake -DOUTPUT=x.cc -DROOT=<source root> -P code_version.cmake: runs at every build, writes only what has changed.
execute_process(COMMAND git -C ${ROOT} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR version STREQUAL "")
  set(version "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// Written by src/evaluate/code_version.cmake.
#include \"evaluate/resources.h\"

namespace mathcoder::evaluate {
std::string_view CodeVersion() { return \"${version}\"; }
}  // namespace mathcoder::evaluate
" @ONLY)
