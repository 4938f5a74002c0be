/*
 * What stands before an application that takes its secrets from its environment alone, and what asks it whether it is well.
 * It is mounted into the container, so it needs nothing of the image: no shell, no libc, no curl. Freestanding C, built by ./build.
 *
 *   launch env NAME=FILE... -- PROGRAM [ARGUMENT...]   sets each NAME to the contents of FILE, and becomes PROGRAM
 *   launch probe PORT PATH SECONDS                     exits with 0 if http://127.0.0.1:PORT/PATH answers with 2xx or 3xx in time
 *
 * Exit codes of env, as a shell gives them: 127 PROGRAM is not there, 126 it cannot be run; 1 a FILE cannot be read.
 */

typedef unsigned long size;
typedef long word;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, OPENAT = 257, CLOSE = 3, MMAP = 9, EXECVE = 59, EXIT = 231, SOCKET = 41, CONNECT = 42, PPOLL = 271, FCNTL = 72, GETSOCKOPT = 55, CLOCK = 228 };
static word call(word n, word a, word b, word c, word d, word e, word f) {
  word result;
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  register word r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
/* The kernel leaves argc, the arguments and the environment on the stack. */
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, OPENAT = 56, CLOSE = 57, MMAP = 222, EXECVE = 221, EXIT = 94, SOCKET = 198, CONNECT = 203, PPOLL = 73, FCNTL = 25, GETSOCKOPT = 209, CLOCK = 113 };
static word call(word n, word a, word b, word c, word d, word e, word f) {
  register word x8 __asm__("x8") = n;
  register word x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  register word x3 __asm__("x3") = d;
  register word x4 __asm__("x4") = e;
  register word x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x0, sp\n bl start\n");
#else
#error "no system calls are known for this processor"
#endif

enum { NOENT = -2, INTR = -4, TOOBIG = -7, ACCES = -13, NOTDIR = -20, INPROGRESS = -115 };
enum { HERE = -100, READABLE = 1, WRITABLE = 4 };

/* The compiler may ask for it wherever a structure is cleared. */
void *memset(void *at, int value, size length) {
  for (size i = 0; i < length; i++) ((volatile char *)at)[i] = (char)value;
  return at;
}

static size length(const char *text) {
  size n = 0;
  while (text[n]) n++;
  return n;
}

static int same(const char *a, const char *b, size n) {
  for (size i = 0; i < n; i++)
    if (a[i] != b[i] || !a[i]) return 0;
  return 1;
}

static int is(const char *a, const char *b) { return length(a) == length(b) && same(a, b, length(a)); }

static void quit(int code) {
  for (;;) call(EXIT, code, 0, 0, 0, 0, 0);
}

static void say(const char *text) { call(WRITE, 2, (word)text, (word)length(text), 0, 0, 0); }

static void fail(int code, const char *what, const char *which) {
  say("medianest launch: ");
  say(what);
  say(which);
  say("\n");
  quit(code);
}

/* Memory that is never freed: the program is replaced, or ends. */
static char *room(size bytes) {
  word at = call(MMAP, 0, (word)bytes, 3 /* read, write */, 0x22 /* private, anonymous */, -1, 0);
  if (at < 0 && at > -4096) fail(1, "no memory", "");
  return (char *)at;
}

/* NAME=contents of the file, byte for byte. */
static char *setting(const char *name, size nameLength, const char *file) {
  word fd = call(OPENAT, HERE, (word)file, 0x80000 /* close on exec */, 0, 0, 0);
  if (fd < 0) fail(1, "cannot open ", file);
  size capacity = 4096 + nameLength, used = nameLength + 1;
  char *text = room(capacity);
  for (size i = 0; i < nameLength; i++) text[i] = name[i];
  text[nameLength] = '=';
  for (;;) {
    if (capacity - used < 2) {
      char *wider = room(capacity * 2);
      for (size i = 0; i < used; i++) wider[i] = text[i];
      text = wider;
      capacity *= 2;
    }
    word got = call(READ, fd, (word)(text + used), (word)(capacity - used - 1), 0, 0, 0);
    if (got == INTR) continue;
    if (got < 0) fail(1, "cannot read ", file);
    if (got == 0) break;
    used += (size)got;
  }
  call(CLOSE, fd, 0, 0, 0, 0, 0);
  text[used] = 0;
  return text;
}

/* Becomes the program, which is looked for as execvp(3) does. Returns where it could not. */
static void become(char **arguments, char **environment) {
  const char *program = arguments[0], *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  word error = NOENT;
  int slash = 0;
  for (const char *at = program; *at; at++) slash |= *at == '/';
  for (char **at = environment; *at; at++)
    if (same(*at, "PATH=", 5)) path = *at + 5;
  if (slash) error = call(EXECVE, (word)program, (word)arguments, (word)environment, 0, 0, 0);
  while (!slash && *program) {
    size folder = 0;
    while (path[folder] && path[folder] != ':') folder++;
    char *file = room(folder + length(program) + 3);
    size n = 0;
    for (; n < folder; n++) file[n] = path[n];
    if (folder == 0) file[n++] = '.';
    file[n++] = '/';
    for (size i = 0; i <= length(program); i++) file[n + i] = program[i];
    word now = call(EXECVE, (word)file, (word)arguments, (word)environment, 0, 0, 0);
    if (now != NOENT && now != NOTDIR) error = now;
    if (now != NOENT && now != NOTDIR && now != ACCES) break;
    if (!path[folder]) break;
    path += folder + 1;
  }
  if (error == NOENT) fail(127, "there is no program ", program);
  if (error == TOOBIG) fail(126, "the environment is too large (one variable holds 128 KiB at most) for ", program);
  fail(126, "cannot run ", program);
}

static void env(int count, char **arguments, char **environment) {
  int given = 0, had = 0;
  while (given < count && !is(arguments[given], "--")) given++;
  if (given + 1 >= count) fail(127, "there is no program to run", "");
  while (environment[had]) had++;
  char **all = (char **)room((size)(given + had + 1) * sizeof(char *));
  int n = 0;
  for (int i = 0; i < given; i++) {
    size name = 0;
    while (arguments[i][name] && arguments[i][name] != '=') name++;
    if (!arguments[i][name] || name == 0) fail(1, "should be NAME=FILE: ", arguments[i]);
    all[n++] = setting(arguments[i], name, arguments[i] + name + 1);
  }
  for (int i = 0; i < had; i++) {
    int replaced = 0;
    for (int j = 0; j < given; j++) {
      size name = 0;
      while (arguments[j][name] != '=') name++;
      replaced |= same(environment[i], arguments[j], name + 1);
    }
    if (!replaced) all[n++] = environment[i];
  }
  all[n] = 0;
  become(arguments + given + 1, all);
}

struct time { word seconds, nanoseconds; };

static word now(void) {
  struct time at;
  call(CLOCK, 1 /* monotonic */, (word)&at, 0, 0, 0, 0);
  return at.seconds * 1000 + at.nanoseconds / 1000000;
}

/* Waits until the socket can be read or written; exits at the deadline. */
static void await(int fd, short events, word deadline) {
  for (;;) {
    word left = deadline - now();
    if (left <= 0) fail(1, "no answer in time", "");
    struct { int fd; short events, happened; } one = { fd, events, 0 };
    struct time most = { left / 1000, left % 1000 * 1000000 };
    word ready = call(PPOLL, (word)&one, 1, (word)&most, 0, 8, 0);
    if (ready > 0) return;
    if (ready < 0 && ready != INTR) fail(1, "poll fails", "");
  }
}

static word number(const char *text) {
  word n = 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || n > 1000000) fail(1, "should be a number: ", text);
    n = n * 10 + (*text - '0');
  }
  return n;
}

static void probe(const char *port, const char *path, const char *seconds) {
  word at = number(port), deadline = now() + number(seconds) * 1000;
  word fd = call(SOCKET, 2 /* IPv4 */, 1 /* stream */ | 0x800 /* does not block */, 0, 0, 0, 0);
  if (fd < 0) fail(1, "no socket", "");
  unsigned char address[16];
  memset(address, 0, sizeof address);
  address[0] = 2;
  address[2] = (unsigned char)(at >> 8);
  address[3] = (unsigned char)at;
  address[4] = 127;
  address[7] = 1;
  word connected = call(CONNECT, fd, (word)address, sizeof address, 0, 0, 0);
  if (connected == INPROGRESS) {
    int error = 0;
    unsigned bytes = sizeof error;
    await((int)fd, WRITABLE, deadline);
    call(GETSOCKOPT, fd, 1 /* socket */, 4 /* its error */, (word)&error, (word)&bytes, 0);
    connected = error;
  }
  if (connected != 0) fail(1, "nothing listens on port ", port);
  const char *parts[] = { "GET ", path, " HTTP/1.1\r\nHost: 127.0.0.1:", port, "\r\nUser-Agent: medianest-health\r\nAccept: */*\r\nConnection: close\r\n\r\n" };
  size wanted = 0, n = 0, sent = 0;
  for (int i = 0; i < 5; i++) wanted += length(parts[i]);
  char *request = room(wanted + 1);
  for (int i = 0; i < 5; i++)
    for (const char *c = parts[i]; *c; c++) request[n++] = *c;
  while (sent < n) {
    await((int)fd, WRITABLE, deadline);
    word put = call(WRITE, fd, (word)(request + sent), (word)(n - sent), 0, 0, 0);
    if (put > 0) sent += (size)put;
    else if (put != INTR && put != -11 /* again */) fail(1, "the connection broke off", "");
  }
  /* "HTTP/1.1 204": what follows does not matter. */
  char head[13];
  size got = 0;
  while (got < 12) {
    await((int)fd, READABLE, deadline);
    word more = call(READ, fd, (word)(head + got), (word)(12 - got), 0, 0, 0);
    if (more > 0) got += (size)more;
    else if (more == 0 || (more != INTR && more != -11)) fail(1, "no HTTP answer on port ", port);
  }
  head[12] = 0;
  if (!same(head, "HTTP/1.", 7)) fail(1, "no HTTP answer on port ", port);
  if (head[9] != '2' && head[9] != '3') fail(1, "answered with ", head + 9);
  quit(0);
}

__attribute__((used)) static void start(word *stack) __asm__("start");
static void start(word *stack) {
  int count = (int)stack[0];
  char **arguments = (char **)(stack + 1);
  if (count > 2 && is(arguments[1], "env")) env(count - 2, arguments + 2, arguments + count + 1);
  if (count == 5 && is(arguments[1], "probe")) probe(arguments[2], arguments[3], arguments[4]);
  fail(1, "usage: launch env NAME=FILE... -- PROGRAM..., or launch probe PORT PATH SECONDS", "");
}
