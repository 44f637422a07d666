/* Every operator new and delete of C++, ten times each, and how failures are told. */
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

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

int main(int argc, char **) {
    blocks();
    /* An allocator that is written in C cannot throw. */
    if (argc == 1)
        std::printf("%d\n", failures());
    return 0;
}
