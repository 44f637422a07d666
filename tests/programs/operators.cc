/* Every operator new and delete of C++, ten times each, and how failures are told. As a library
 * (-DLIBRARY) it has `run`, for a program in C that opens it; with -DOWN it has operators of
 * its own, which count. */
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

static int served;
#ifdef OWN
void *operator new(std::size_t size) {
    served++;
    if (void *block = std::malloc(size + 7))
        return block;
    throw std::bad_alloc();
}
void operator delete(void *block) noexcept {
    served += 1000;
    std::free(block);
}
void operator delete(void *block, std::size_t) noexcept { operator delete(block); }
#endif

static volatile std::size_t huge = std::size_t(1) << 62;
static int handled;

static int failures() {
    int caught = 0;
    auto wide = std::align_val_t(256);
    void *volatile block;
    try { block = ::operator new(huge); } catch (std::bad_alloc &) { caught++; }
    try { block = ::operator new[](huge); } catch (std::bad_alloc &) { caught++; }
    try { block = ::operator new(huge, wide); } catch (std::bad_alloc &) { caught++; }
    try { block = ::operator new[](huge, wide); } catch (std::bad_alloc &) { caught++; }
    caught += !::operator new(huge, std::nothrow);
    caught += !::operator new[](huge, std::nothrow);
    caught += !::operator new(huge, wide, std::nothrow);
    std::set_new_handler([] { handled++; std::set_new_handler(nullptr); });
    try { block = ::operator new(huge); } catch (std::bad_alloc &) { caught++; }
    std::set_new_handler(nullptr);
    return caught + (handled > 0);
}

static void blocks() {
    auto wide = std::align_val_t(128);
    std::vector<std::string> texts;
    for (int i = 0; i < 100; i++)
        texts.push_back(std::string(3000, 'x'));
    for (int i = 0; i < 10; i++) {
        ::operator delete(::operator new(2001));
        ::operator delete[](::operator new[](2002));
        ::operator delete(::operator new(2003, std::nothrow), std::nothrow);
        ::operator delete[](::operator new[](2004, std::nothrow), std::nothrow);
        ::operator delete(::operator new(2005), 2005);
        ::operator delete[](::operator new[](2006), 2006);
        ::operator delete(::operator new(2176, wide), wide);
        ::operator delete[](::operator new[](2304, wide), wide);
        ::operator delete(::operator new(2432, wide, std::nothrow), wide, std::nothrow);
        ::operator delete[](::operator new[](2560, wide, std::nothrow), wide, std::nothrow);
        ::operator delete(::operator new(2688, wide), 2688, wide);
        ::operator delete[](::operator new[](2816, wide), 2816, wide);
        ::operator delete(nullptr);
        ::operator delete[](nullptr, 8);
    }
}

extern "C" int run() {
    blocks();
    return failures() + 10000 * (served > 100000) + 100 * (served > 0);
}

#ifndef LIBRARY
int main(int argc, char **) {
    blocks();
    /* An allocator that is written in C cannot throw. */
    if (argc == 1)
        std::printf("%d\n", failures());
    return 0;
}
#endif
