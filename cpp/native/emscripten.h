// XNNPACK includes it for the EM_JS that cpp/cmake/no_javascript.h replaces.

#pragma once
