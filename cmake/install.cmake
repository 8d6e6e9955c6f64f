# PREFIX/bin/mathcoder, PREFIX/libexec/mathcoder/ (helper programs), PREFIX/share/mathcoder/models/. base/paths.h finds them there.
# The jail's Python goes to PREFIX/lib/mathcoder/python/: MATHCODER_DEPS=PREFIX/lib/mathcoder scripts/make-jail-python current.
include(GNUInstallDirs)
install(TARGETS mathcoder RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS mathcoder-sandboxd mathcoder-mathd mathcoder_jail RUNTIME DESTINATION libexec/mathcoder LIBRARY DESTINATION libexec/mathcoder)
install(DIRECTORY models/ DESTINATION share/mathcoder/models FILES_MATCHING PATTERN "*.gguf" PATTERN "*.md" PATTERN "SHA256SUMS")
install(PROGRAMS scripts/train_tokenizer.py DESTINATION share/mathcoder/scripts)
install(FILES LICENSE DESTINATION share/doc/mathcoder)
if(MATHCODER_TRAIN)
  install(TARGETS mathcoder-train RUNTIME DESTINATION libexec/mathcoder)
  install(DIRECTORY recipes/ DESTINATION share/mathcoder/recipes)
endif()
