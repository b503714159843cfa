# Has objects compiled by the clang that emcc would call, as emcc would call it: it is a Python program that
# takes longer to start than most of our files to compile. It still links. Where it does not tell its command as
# expected, it compiles, too.

set(probe ${CMAKE_BINARY_DIR}/CMakeFiles/direct_clang.c)
file(WRITE ${probe} "")
foreach(language C CXX)
  execute_process(
    COMMAND ${CMAKE_${language}_COMPILER} "-###" -c ${probe} -o ${probe}.o
    OUTPUT_VARIABLE told ERROR_VARIABLE told
  )
  if(told MATCHES "^ *(\"[^\"\n]*clang[^\"\n]*\" [^\n]*) \"?-###")
    set(CMAKE_${language}_COMPILE_OBJECT
      "${CMAKE_MATCH_1} <DEFINES> <INCLUDES> <FLAGS> -o <OBJECT> -c <SOURCE>")
  endif()
endforeach()
