// The three symbols of a C++ runtime to which the compiler's tables of virtual functions refer. Nothing of ours is ever
// deleted or called through them; with them a binary with this shim needs no C++ standard library. Weak and hidden, so
// that a program that links one keeps its own and nothing else sees these. The names are given as in the object file
// because the compiler declares its own operator delete visible.
#include <cstdlib>

#define TRT_SUPPORT(symbol) __asm__(symbol) __attribute__((weak, visibility("hidden")))

extern "C"
{
void trtDelete(void* memory) TRT_SUPPORT("_ZdlPv");
void trtSizedDelete(void* memory, size_t bytes) TRT_SUPPORT("_ZdlPvm");
void trtPureVirtual() TRT_SUPPORT("__cxa_pure_virtual");

void trtDelete(void* memory)
{
    free(memory);
}

void trtSizedDelete(void* memory, size_t)
{
    free(memory);
}

void trtPureVirtual()
{
    abort();
}
}
