# mathcoder_embed_dialects(OUT name...): writes a C++ file that holds dialects/NAME.yaml as text, in the given order.
# The program never looks for these files when it runs.
function(mathcoder_embed_dialects out)
  set(body "// Written by src/chat/dialects/embed.cmake from src/chat/dialects/*.yaml.\n#include \"chat/dialect_spec.h\"\n\n")
  string(APPEND body "namespace mathcoder::chat {\n\nconst std::vector<BuiltInDialect>& BuiltInDialectFiles() {\n")
  string(APPEND body "  static const std::vector<BuiltInDialect> files = {\n")
  foreach(name ${ARGN})
    set(file ${CMAKE_CURRENT_SOURCE_DIR}/dialects/${name}.yaml)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(APPEND body "      {\"${name}\", R\"DIALECT(${text})DIALECT\"},\n")
  endforeach()
  string(APPEND body "  };\n  return files;\n}\n\n}  // namespace mathcoder::chat\n")
  # Only when it differs, so that configuring again rebuilds nothing.
  file(CONFIGURE OUTPUT ${out} CONTENT "${body}" @ONLY)
endfunction()
