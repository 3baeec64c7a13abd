/* Greets. Shows that a program in a container finds its runfiles, wherever it was started from. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Prints a file from the runfiles of this program. */
static int print_runfile(const char *name) {
    char program[PATH_MAX];
    char path[PATH_MAX + 64];
    char text[256];
    size_t length;
    FILE *file;

    /* The program itself rather than argv[0], which may be a symlink to it. */
    if (realpath("/proc/self/exe", program) == NULL) {
        perror("/proc/self/exe");
        return EXIT_FAILURE;
    }
    snprintf(path, sizeof path, "%s.runfiles/_main/%s", program, name);
    file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return EXIT_FAILURE;
    }
    while ((length = fread(text, 1, sizeof text, file)) > 0) {
        fwrite(text, 1, length, stdout);
    }
    fclose(file);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    const char *name = getenv("HELLO_NAME");

    printf("%s: hello, %s\n", argc > 0 ? argv[0] : "hello", name != NULL ? name : "nobody");
    return print_runfile("examples/hello/greeting.txt");
}
