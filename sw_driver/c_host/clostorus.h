/* clostorus.h: run and train compiled nets on a Clostorus board; C99, one file.
 *
 * `clostorus export --c model.ctz -o model.h` writes what a board must be sent for a net; this
 * file sends it, over the link of docs/host_link.md or a bus of the processor (docs/buses.md). It
 * allocates nothing and calls nothing of an operating system: bytes go through two functions that
 * the caller gives, and registers are loaded and stored. docs/c_host.md is its page. In exactly one
 * .c file, put
 *
 *     #define CLOSTORUS_IMPLEMENTATION
 *
 * before including it. A struct clostorus may be used by one thread at a time.
 */
#ifndef CLOSTORUS_H
#define CLOSTORUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Words of 4 bytes that may be on their way to the board: a power of two, 64 to 32768. */
#ifndef CLOSTORUS_WINDOW_WORDS
#define CLOSTORUS_WINDOW_WORDS 512u
#endif

/* So many reads in a row that bring nothing, until a board counts as gone, or as stuck. */
#ifndef CLOSTORUS_SILENT_READS
#define CLOSTORUS_SILENT_READS 100u
#endif
/* So many looks at a bus in a row at which no word moves, until a torus counts as stuck. */
#ifndef CLOSTORUS_STUCK_LOOKS
#define CLOSTORUS_STUCK_LOOKS 100000000u
#endif
#ifndef CLOSTORUS_STUCK_READS
#define CLOSTORUS_STUCK_READS 2000u
#endif

#define CLOSTORUS_NET_FORMAT 1u       /* Of the headers that `clostorus export --c` writes. */
#define CLOSTORUS_LINK_VERSION 2u     /* Of the contract in docs/host_link.md, */
#define CLOSTORUS_PACKED_VERSION 3u   /* that of boards that take packed beats, */
#define CLOSTORUS_CHECKED_VERSION 4u  /* and that of boards whose torus has checks. */
#define CLOSTORUS_REGISTER_VERSION 1u /* Of the table of docs/buses.md. */
#define CLOSTORUS_PADDING 0xFFFFu     /* In a map: a word that stands for no number. */
#define CLOSTORUS_CHECKPOINT_EXTRA 5u /* Words of a checkpoint beside the memories of the torus. */

typedef enum clostorus_status {
    CLOSTORUS_OK = 0,
    CLOSTORUS_ARGUMENT,    /* A pointer is null, or a number of samples 0. */
    CLOSTORUS_NET,         /* The header of the net is of another version of this file. */
    CLOSTORUS_WORD,        /* An input or gradient does not fit its word. */
    CLOSTORUS_PORT,        /* A callback said that the port is gone. */
    CLOSTORUS_SILENT,      /* The board does not answer. */
    CLOSTORUS_STUCK,       /* The board answers, but the torus takes and gives nothing. */
    CLOSTORUS_STRANGER,    /* What answers is no Clostorus. */
    CLOSTORUS_VERSION,     /* The board has another version of the link. */
    CLOSTORUS_HARDWARE_ID, /* The board has another torus than the net was compiled for. */
    CLOSTORUS_WEIGHTS_ID,  /* The bitstream of the board holds the weights of another net. */
    CLOSTORUS_UNEXPECTED,  /* The torus gave words that no program asked for. */
    CLOSTORUS_NOT_OPEN,    /* clostorus_open must come first, and again after an error. */
    CLOSTORUS_NO_TRAINING, /* The net was compiled for inference, or for training alone. */
    CLOSTORUS_CHECKPOINT,  /* The checkpoint is damaged, or of another net or torus. */
    CLOSTORUS_FAULTY       /* The torus, one with checks, has found a flipped bit. */
} clostorus_status;

/* How bytes move.
 *
 * read    stores up to `most` bytes that have come, and returns how many. If none are there, it
 *         waits for some, about 30 ms (longer than the buffers of a USB adapter hold bytes back),
 *         and returns 0 if none have come by then. Below 0: the port is gone.
 * write   sends all `count` bytes, and returns 0; anything else: the port is gone.
 */
typedef struct clostorus_io {
    void *context;
    int (*read)(void *context, uint8_t *bytes, int most);
    int (*write)(void *context, const uint8_t *bytes, int count);
} clostorus_io;

/* A torus on a bus of the processor, whose registers are those of docs/buses.md.
 *
 * registers    where they begin: ID_LOW is registers[0].
 * give, take   move 32-bit words of beats where the registers have no DATA: by a DMA engine, or a
 *              FIFO, on the two AXI4-Streams. give passes on up to `count` words and returns how
 *              many; take stores up to `most` that have come and returns how many. Neither waits.
 *              Below 0: it does not work any more. Null where DATA is: words then pass through it.
 * last_beats   whether LAST_BEATS is to be set for each program: there is `tlast`.
 */
typedef struct clostorus_bus {
    volatile uint32_t *registers;
    void *context;
    int (*give)(void *context, const uint32_t *words, int count);
    int (*take)(void *context, uint32_t *words, int most);
    int last_beats;
} clostorus_bus;

/* How a register is read and written; another way than this may be defined. */
#ifndef CLOSTORUS_LOAD
#define CLOSTORUS_LOAD(address) (*(address))
#define CLOSTORUS_STORE(address, value) (*(address) = (value))
#endif

/* What follows, up to clostorus_net, is written by `clostorus export --c`. */

typedef struct clostorus_words {
    const uint32_t *words;
    uint32_t count;
} clostorus_words;

typedef struct clostorus_map { /* Which number each word is: `blocks` rows of `words`. */
    const uint16_t *index;
    uint16_t blocks, words;
} clostorus_map;

typedef enum clostorus_part { CLOSTORUS_INPUTS, CLOSTORUS_OUTPUTS, CLOSTORUS_GRADIENT } clostorus_part;

typedef struct clostorus_event {
    uint16_t part, sample;
} clostorus_event;

typedef struct clostorus_run { /* A program, and the order in which its samples pass. */
    uint32_t samples;
    clostorus_words program;
    const clostorus_event *events;
    uint32_t event_count;
} clostorus_run;

typedef struct clostorus_dump { /* A part of a checkpoint: `reps` rows of records a gateway. */
    uint32_t memory, chunks, first, records, reps, start;
} clostorus_dump;

typedef struct clostorus_load { /* A part of what is loaded: `count` times `words` a gateway. */
    uint32_t memory, words, count;
} clostorus_load;

typedef struct clostorus_state { /* How the memories of a torus that trains are read and loaded. */
    clostorus_words read_program, load_program;
    const clostorus_dump *dumps;
    const clostorus_load *loads;
    uint32_t dump_count, load_count, words; /* Words of what read_program brings. */
} clostorus_state;

typedef struct clostorus_net {
    uint32_t format, id, weights_id;
    uint32_t hardware_id[2]; /* Low word first. */
    uint16_t host_bits, word_bits, act_bits, grad_bits, rows, cols;
    uint16_t inputs, outputs;
    int16_t input_fraction_bits, output_fraction_bits, gradient_fraction_bits;
    clostorus_map input, output, gradient;
    clostorus_words load;        /* Program, and weights or the first state. */
    const clostorus_run *infer;  /* Longest first; the last is of one sample. */
    uint32_t infer_count;
    const clostorus_run *train;  /* Null for inference. */
    const clostorus_state *state;
    uint16_t beat_words;         /* Link words of a beat; 0 for as many as fit. */
} clostorus_net;

/* A session with a board. Its members are private, but for the six counts at its end. */
typedef struct clostorus {
    clostorus_io io;
    clostorus_bus bus;
    const clostorus_net *net;
    uint8_t usable, opened, session, tag, rewinds, rewinding, rewind_tag, overlong;
    uint32_t space, weights_id;
    uint32_t acknowledged, next, end, filled, limit, ahead_words; /* Words to the board. */
    uint32_t expected, told, tell_words, frame_words;             /* Words from it. */
    uint32_t quiet, wait, unheard, unmoved, noise;                /* In reads, and bytes. */
    uint8_t sent_tags[100];
    uint32_t sent_ends[100], sent_first, sent_count;
    uint32_t *raw;
    int32_t *outputs;
    uint32_t taken, wanted, in_beat[8], out_beat[8], lane;
    uint32_t input_bits, packing, fields, field_bits; /* Of packed beats. */
    uint32_t window[CLOSTORUS_WINDOW_WORDS];
    uint8_t arrived[256];
    uint32_t arrived_count;
    uint32_t frames_sent, frames_received, damaged, resent, rewinds_sent, polls;
} clostorus;

/* Open a session with the board at the other end of `io`, and load the net into it.
 *
 * The torus is reset. A board whose bitstream holds the weights of this very net keeps them.
 * `session` is any number, if possible another than the last one: such as a counter of boots.
 */
clostorus_status clostorus_open(clostorus *torus, clostorus_io io, const clostorus_net *net,
                                uint8_t session);

/* Reset the torus on a bus of this processor, and load the net into it. */
clostorus_status clostorus_open_bus(clostorus *torus, clostorus_bus bus, const clostorus_net *net);

/* Compute `samples` samples: x of [samples][net->inputs] words to y of [samples][net->outputs]. */
clostorus_status clostorus_infer(clostorus *torus, const int32_t *x, int32_t *y, uint32_t samples);

/* Gives the gradient of sample `sample`, [outputs] words of grad_bits, times the learning rate,
 * for its outputs y. It must not use the torus. */
typedef void (*clostorus_gradient)(void *context, uint32_t sample, const int32_t *y,
                                   int32_t *gradient);

/* Train on one run of net->train->samples samples: x as for clostorus_infer, y gets the outputs.
 *
 * `gradient` has room for net->outputs words. Weights change sample by sample; where the net was
 * compiled for batches, once at the end.
 */
clostorus_status clostorus_train(clostorus *torus, const int32_t *x, int32_t *y, int32_t *gradient,
                                 clostorus_gradient gradient_of, void *context);

/* How many words a checkpoint of a net that trains has. */
uint32_t clostorus_checkpoint_words(const clostorus_net *net);

/* Read all that training goes on from: weights, biases, velocities, random generators. */
clostorus_status clostorus_checkpoint(clostorus *torus, uint32_t *words);

/* Load a checkpoint; one that is damaged or of another net is refused before anything is sent. */
clostorus_status clostorus_restore(clostorus *torus, const uint32_t *words);

/* The word of `bits` bits nearest to value * 2^fraction_bits, a tie to the even one; NaN gives 0. */
int32_t clostorus_to_word(double value, int fraction_bits, int bits);

/* The number that a word stands for. */
double clostorus_to_real(int32_t word, int fraction_bits);

/* What a status means, and what to do. */
const char *clostorus_message(clostorus_status status);

#ifdef __cplusplus
}
#endif
#endif /* CLOSTORUS_H */

#ifdef CLOSTORUS_IMPLEMENTATION
#undef CLOSTORUS_IMPLEMENTATION

#if CLOSTORUS_WINDOW_WORDS < 64 || CLOSTORUS_WINDOW_WORDS > 32768 || \
    (CLOSTORUS_WINDOW_WORDS & (CLOSTORUS_WINDOW_WORDS - 1))
#error "CLOSTORUS_WINDOW_WORDS must be a power of two, 64 to 32768"
#endif

/* The link: frames. */

enum {
    CLOSTORUS__HOST_HEADER = 7,
    CLOSTORUS__BOARD_HEADER = 8,
    CLOSTORUS__CRC = 4,
    CLOSTORUS__MOST_WORDS = 60,   /* Of a frame. */
    CLOSTORUS__LEAST_WORDS = 2,   /* Of a frame on a bad line, */
    CLOSTORUS__LEAST_FRAMES = 2,  /* and so many are ahead. */
    CLOSTORUS__MOST_UNANSWERED = 100,
    CLOSTORUS__MOST_WAIT = 16,    /* Silent reads between two questions. */
    CLOSTORUS__NOISE_BYTES = 3000, /* Bytes without a frame that count as a silent read. */
    CLOSTORUS__MOST_BEATS = 0xFFFFFF, /* Of a segment. */
    CLOSTORUS__SHIFT_AT = 24,
    CLOSTORUS__SIGNED = 1 << 29,
    CLOSTORUS__PACKED = 1 << 30
};

static uint32_t clostorus__crc(uint32_t crc, const uint8_t *bytes, uint32_t count)
{
    /* CRC-32 as zlib's, four bits at a time; begins and ends as ~0. */
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158,
        0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4,
        0xA00AE278, 0xBDBDF21C};
    uint32_t i;
    for (i = 0; i < count; ++i) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15u];
        crc = crc >> 4 ^ table[crc & 15u];
    }
    return crc;
}

static uint32_t clostorus__number(const uint8_t *bytes, int count)
{
    uint32_t number = 0;
    while (count-- > 0)
        number = number << 8 | bytes[count];
    return number;
}

static uint8_t *clostorus__put(uint8_t *bytes, uint32_t number, int count)
{
    for (; count > 0; --count, number >>= 8)
        *bytes++ = (uint8_t)(number & 0xFFu);
    return bytes;
}

static uint32_t clostorus__least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Whether number a comes after number b; both may have wrapped. */
static int clostorus__after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Whether the board had seen the frame `tag` when it sent this echo. */
static int clostorus__reached(uint32_t echo, uint32_t tag)
{
    return ((echo - tag) & 0xFFu) < 128u;
}

/* Send a frame with the next `count` words of the window. */
static clostorus_status clostorus__frame(clostorus *t, uint32_t count, int opens)
{
    uint8_t whole[CLOSTORUS__HOST_HEADER + 4 * CLOSTORUS__MOST_WORDS + CLOSTORUS__CRC];
    uint8_t coded[sizeof whole + 3];
    uint8_t *at = whole, *code = coded + 1, *out = coded + 2;
    const uint8_t *byte;
    uint32_t i;

    at = clostorus__put(at, t->session | (opens ? 0x80u : 0u), 1);
    at = clostorus__put(at, t->tag, 1);
    at = clostorus__put(at, t->frame_words | (t->rewinds ? 0x80u : 0u), 1);
    at = clostorus__put(at, t->next, 2);
    at = clostorus__put(at, t->expected, 2);
    for (i = 0; i < count; ++i)
        at = clostorus__put(at, t->window[(t->next + i) & (CLOSTORUS_WINDOW_WORDS - 1u)], 4);
    at = clostorus__put(at, ~clostorus__crc(~0u, whole, (uint32_t)(at - whole)), 4);

    /* COBS (Cheshire and Baker 1999); a frame is too short for a run of 254. The 0 before it ends
     * what is left of a frame that was broken off. */
    coded[0] = 0;
    *code = 1;
    for (byte = whole; byte < at; ++byte) {
        if (*byte) {
            *out++ = *byte;
            ++*code;
        } else {
            code = out++;
            *code = 1;
        }
    }
    *out++ = 0;

    if (t->rewinds) {
        ++t->rewinds_sent;
        t->rewinding = 1;
        t->rewind_tag = t->tag;
        t->rewinds = 0;
    }
    t->told = t->expected;
    if (count && clostorus__after(t->end, t->next))
        ++t->resent;
    t->next += count;
    if (clostorus__after(t->next, t->end))
        t->end = t->next;
    if (!opens) {
        i = (t->sent_first + t->sent_count++) % CLOSTORUS__MOST_UNANSWERED;
        t->sent_tags[i] = t->tag;
        t->sent_ends[i] = count ? t->next : t->acknowledged;
    }
    ++t->tag;
    ++t->frames_sent;
    return t->io.write(t->io.context, coded, (int)(out - coded)) ? CLOSTORUS_PORT : CLOSTORUS_OK;
}

/* The words of the next frame; 0 if nothing may be sent. */
static uint32_t clostorus__next_words(const clostorus *t)
{
    uint32_t left = clostorus__least(t->filled - t->next, t->frame_words);
    uint32_t limit = t->acknowledged + t->ahead_words;
    uint32_t count;

    if (clostorus__after(limit, t->limit))
        limit = t->limit;
    if (t->sent_count >= CLOSTORUS__MOST_UNANSWERED || !clostorus__after(limit, t->next))
        return 0;
    count = clostorus__least(left, limit - t->next);
    /* A short frame now would be another short one later. */
    return count < left && t->sent_count ? 0 : count;
}

static void clostorus__ask_later(clostorus *t)
{
    t->quiet = 0;
    t->wait = t->wait ? clostorus__least(2 * t->wait, CLOSTORUS__MOST_WAIT) : 1;
}

/* Send whatever is to be sent now; `waits` says whether words of the board are wanted. */
static clostorus_status clostorus__transmit(clostorus *t, int waits)
{
    clostorus_status status = CLOSTORUS_OK;
    uint32_t count;
    int sent = 0;

    if (!t->opened) {
        if (t->quiet < t->wait)
            return CLOSTORUS_OK;
        clostorus__ask_later(t);
        return clostorus__frame(t, 0, 1);
    }
    while (!status && (count = clostorus__next_words(t)) > 0) {
        status = clostorus__frame(t, count, 0);
        sent = 1;
    }
    if (status || t->sent_count >= CLOSTORUS__MOST_UNANSWERED)
        return status;
    /* Fewer words than that cannot be what holds up the board: they wait for the next frame. */
    if (!sent && (t->expected - t->told >= t->tell_words || t->rewinds)) {
        status = clostorus__frame(t, 0, 0);
        sent = 1;
    }
    if (sent) {
        t->quiet = 0;
    } else if ((waits || t->filled != t->acknowledged) && t->quiet >= t->wait) {
        ++t->polls;
        clostorus__ask_later(t);
        status = clostorus__frame(t, 0, 0);
    }
    return status;
}

static void clostorus__shorten(clostorus *t)
{
    uint32_t least, on_way = t->end - t->acknowledged;
    t->frame_words /= 2;
    if (t->frame_words < CLOSTORUS__LEAST_WORDS)
        t->frame_words = CLOSTORUS__LEAST_WORDS;
    least = CLOSTORUS__LEAST_FRAMES * t->frame_words;
    t->ahead_words = clostorus__least(t->ahead_words, on_way ? on_way : 1) / 2;
    if (t->ahead_words < least)
        t->ahead_words = least;
}

static void clostorus__lengthen(clostorus *t)
{
    t->frame_words = clostorus__least(t->frame_words + 1, CLOSTORUS__MOST_WORDS);
    t->ahead_words = clostorus__least(t->ahead_words + t->frame_words, CLOSTORUS_WINDOW_WORDS);
}

/* The link: what comes. */

static uint32_t clostorus__parts(const clostorus_net *net)
{
    return net->host_bits / 32u; /* Words of a beat. */
}

static uint32_t clostorus__beat_words(const clostorus_net *net)
{
    return net->beat_words ? net->beat_words : (uint32_t)(net->host_bits / net->word_bits);
}

static uint32_t clostorus__row_beats(const clostorus_net *net, uint32_t words)
{
    return (words + clostorus__beat_words(net) - 1u) / clostorus__beat_words(net);
}

static uint32_t clostorus__output_words(const clostorus_net *net)
{
    return net->output.blocks * clostorus__row_beats(net, net->output.words) * clostorus__parts(net);
}

/* The link word in a lane of a beat. */
static uint32_t clostorus__lane(const clostorus_net *net, const uint32_t *beat, uint32_t lane)
{
    uint32_t bit = lane * net->word_bits, part = bit / 32u, shift = bit % 32u;
    uint32_t word = beat[part] >> shift;
    if (shift + net->word_bits > 32u)
        word |= beat[part + 1u] << (32u - shift);
    return word & ((1u << net->word_bits) - 1u);
}

/* Take the outputs out of beat number `index` of a run. */
static void clostorus__take_outputs(clostorus *t, uint32_t index)
{
    const clostorus_net *net = t->net;
    uint32_t row_beats = clostorus__row_beats(net, net->output.words);
    uint32_t sample = index / (net->output.blocks * row_beats);
    uint32_t block = index / row_beats % net->output.blocks;
    uint32_t first = index % row_beats * clostorus__beat_words(net);
    uint32_t sign = 1u << (net->act_bits - 1u), lane, word, output;

    for (lane = 0; lane < clostorus__beat_words(net) && first + lane < net->output.words; ++lane) {
        output = net->output.index[block * net->output.words + first + lane];
        if (output == CLOSTORUS_PADDING)
            continue;
        word = clostorus__lane(net, t->in_beat, lane) & (2u * sign - 1u);
        t->outputs[sample * net->outputs + output] = (int32_t)(word ^ sign) - (int32_t)sign;
    }
}

static clostorus_status clostorus__take_word(clostorus *t, uint32_t word)
{
    uint32_t parts = clostorus__parts(t->net);
    if (t->taken == t->wanted)
        return CLOSTORUS_UNEXPECTED;
    if (t->raw) {
        t->raw[t->taken++] = word;
        return CLOSTORUS_OK;
    }
    t->in_beat[t->taken % parts] = word;
    if (++t->taken % parts == 0)
        clostorus__take_outputs(t, t->taken / parts - 1u);
    return CLOSTORUS_OK;
}

static clostorus_status clostorus__meet(clostorus *t, const uint8_t *words, uint32_t count)
{
    const clostorus_net *net = t->net;
    if (count < 4 || words[0] != 'C' || words[1] != 'L' || words[2] != 'T')
        return CLOSTORUS_STRANGER;
    if (words[3] < CLOSTORUS_LINK_VERSION || words[3] > CLOSTORUS_CHECKED_VERSION)
        return CLOSTORUS_VERSION;
    if (count != (words[3] == CLOSTORUS_LINK_VERSION ? 16 : 20))
        return CLOSTORUS_STRANGER;
    t->input_bits = count == 20 ? words[16] : 0u;
    if (clostorus__number(words + 4, 4) != net->hardware_id[0] ||
        clostorus__number(words + 8, 4) != net->hardware_id[1])
        return CLOSTORUS_HARDWARE_ID;
    t->weights_id = clostorus__number(words + 12, 4);
    if (t->weights_id && t->weights_id != net->weights_id)
        return CLOSTORUS_WEIGHTS_ID;
    t->opened = 1;
    t->limit = t->space;
    t->tell_words = t->space / 4u; /* The board's other buffer is as large. */
    return CLOSTORUS_OK;
}

/* Find out which words the board has, and which of those that it has seen are lost. */
static void clostorus__see_acknowledged(clostorus *t, uint32_t expected, uint32_t echo)
{
    uint32_t new_words = (expected - t->acknowledged) & 0xFFFFu, i;
    int lost = 0;

    if (new_words > t->end - t->acknowledged)
        return; /* What was never sent cannot have come. */
    t->acknowledged += new_words;
    if (clostorus__after(t->acknowledged, t->next))
        t->next = t->acknowledged;
    t->limit = t->acknowledged + t->space;
    while (t->sent_count && clostorus__reached(echo, t->sent_tags[t->sent_first])) {
        lost |= clostorus__after(t->sent_ends[t->sent_first], t->acknowledged);
        t->sent_first = (t->sent_first + 1u) % CLOSTORUS__MOST_UNANSWERED;
        --t->sent_count;
    }
    if (lost) {
        clostorus__shorten(t);
        t->next = t->acknowledged;
        /* The board drops what comes after a gap. */
        for (i = 0; i < t->sent_count; ++i)
            t->sent_ends[(t->sent_first + i) % CLOSTORUS__MOST_UNANSWERED] = t->acknowledged;
    } else if (new_words) {
        clostorus__lengthen(t);
    }
    if (new_words)
        t->unmoved = 0;
}

static clostorus_status clostorus__see_words(clostorus *t, uint32_t number, uint32_t echo,
                                             const uint8_t *words, uint32_t count)
{
    clostorus_status status = CLOSTORUS_OK;
    uint32_t gap = (number - t->expected) & 0xFFFFu;

    if (gap == 0) {
        t->rewinding = 0;
        if (count == 0)
            return CLOSTORUS_OK;
        for (; count && !status; --count, words += 4, ++t->expected)
            status = clostorus__take_word(t, clostorus__number(words, 4));
        clostorus__lengthen(t);
        t->unmoved = 0;
    } else if (gap < 1u << 15 && (!t->rewinding || clostorus__reached(echo, t->rewind_tag))) {
        if (!t->rewinds)
            clostorus__shorten(t);
        t->rewinds = 1;
    }
    return status;
}

/* Undo COBS in place; 0 if it is damaged, else how many bytes are left. */
static uint32_t clostorus__decode(uint8_t *bytes, uint32_t count)
{
    uint32_t at = 0, out = 0, code;
    while (at < count) {
        code = bytes[at++];
        if (code - 1u > count - at)
            return 0;
        while (--code)
            bytes[out++] = bytes[at++];
        if (at < count)
            bytes[out++] = 0;
    }
    return out;
}

static clostorus_status clostorus__take_frame(clostorus *t)
{
    uint8_t *frame = t->arrived;
    uint32_t count = clostorus__decode(frame, t->arrived_count), words, echo;
    int hello;

    if (count < CLOSTORUS__BOARD_HEADER + CLOSTORUS__CRC || count % 4u ||
        ~clostorus__crc(~0u, frame, count - 4u) != clostorus__number(frame + count - 4u, 4)) {
        ++t->damaged;
        return CLOSTORUS_OK;
    }
    hello = frame[0] >> 7;
    if ((frame[0] & 0x7Fu) != t->session || hello == t->opened)
        return CLOSTORUS_OK; /* Of another session, or a second answer to its opening. */
    ++t->frames_received;
    t->quiet = t->unheard = t->noise = 0;
    t->wait = 1;
    t->space = clostorus__number(frame + 2, 2) & 0x7FFFu;
    if (!hello && frame[3] >> 7)
        return CLOSTORUS_FAULTY;
    words = (count - CLOSTORUS__BOARD_HEADER - CLOSTORUS__CRC) / 4u;
    if (hello)
        return clostorus__meet(t, frame + CLOSTORUS__BOARD_HEADER, 4u * words);
    echo = frame[1];
    clostorus__see_acknowledged(t, clostorus__number(frame + 6, 2), echo);
    return clostorus__see_words(t, clostorus__number(frame + 4, 2), echo,
                                frame + CLOSTORUS__BOARD_HEADER, words);
}

static clostorus_status clostorus__receive(clostorus *t)
{
    uint8_t bytes[256];
    int count = t->io.read(t->io.context, bytes, (int)sizeof bytes), i;
    clostorus_status status = CLOSTORUS_OK;

    if (count < 0 || count > (int)sizeof bytes)
        return CLOSTORUS_PORT;
    t->noise += (uint32_t)count;
    if (count == 0 || t->noise >= CLOSTORUS__NOISE_BYTES) {
        t->noise = 0;
        ++t->quiet;
        ++t->unheard;
        ++t->unmoved;
    }
    for (i = 0; i < count && !status; ++i) {
        if (bytes[i] == 0) {
            if (t->overlong)
                ++t->damaged;
            else if (t->arrived_count)
                status = clostorus__take_frame(t);
            t->arrived_count = t->overlong = 0;
        } else if (t->arrived_count < sizeof t->arrived) {
            t->arrived[t->arrived_count++] = bytes[i];
        } else {
            t->overlong = 1;
        }
    }
    if (!status && t->unheard >= CLOSTORUS_SILENT_READS)
        status = CLOSTORUS_SILENT;
    if (!status && t->opened && t->unmoved >= CLOSTORUS_STUCK_READS)
        status = CLOSTORUS_STUCK;
    return status;
}

/* The bus: words through the register DATA, or by the functions of the caller. */

enum { /* Registers, in words; and bits of STATUS. */
    CLOSTORUS__ID = 0x00 / 4,
    CLOSTORUS__REGISTERS_VERSION = 0x08 / 4,
    CLOSTORUS__STATUS = 0x10 / 4,
    CLOSTORUS__CONTROL = 0x18 / 4,
    CLOSTORUS__LAST_BEATS = 0x30 / 4,
    CLOSTORUS__DATA = 0x40 / 4,
    CLOSTORUS__IN_WAITS = 2,
    CLOSTORUS__OUT_WAITS = 4,
    CLOSTORUS__FAULTY = 8
};

static uint32_t clostorus__load_status(const clostorus *t)
{
    return CLOSTORUS_LOAD(&t->bus.registers[CLOSTORUS__STATUS]);
}

/* Give what waits, as far as it is taken; below 0 if that does not work any more. */
static int clostorus__give(clostorus *t)
{
    uint32_t first = t->acknowledged & (CLOSTORUS_WINDOW_WORDS - 1u), count = 0;
    uint32_t most = clostorus__least(t->filled - t->acknowledged, CLOSTORUS_WINDOW_WORDS - first);

    if (t->bus.give)
        return most ? t->bus.give(t->bus.context, t->window + first, (int)most) : 0;
    while (count < most && !(clostorus__load_status(t) & CLOSTORUS__IN_WAITS))
        CLOSTORUS_STORE(&t->bus.registers[CLOSTORUS__DATA], t->window[first + count++]);
    return (int)count;
}

static int clostorus__take(clostorus *t, uint32_t *words, int most)
{
    int count = 0;
    if (t->bus.take)
        return t->bus.take(t->bus.context, words, most);
    while (count < most && clostorus__load_status(t) & CLOSTORUS__OUT_WAITS)
        words[count++] = CLOSTORUS_LOAD(&t->bus.registers[CLOSTORUS__DATA]);
    return count;
}

/* Move words of a bus once in both directions. */
static clostorus_status clostorus__move_words(clostorus *t)
{
    uint32_t words[16];
    int given = clostorus__give(t), most = (int)(sizeof words / sizeof *words), taken, i;
    clostorus_status status = CLOSTORUS_OK;

    if (given < 0)
        return CLOSTORUS_PORT;
    t->acknowledged += (uint32_t)given;
    taken = clostorus__take(t, words, most);
    if (taken < 0 || taken > most)
        return CLOSTORUS_PORT;
    for (i = 0; i < taken && !status; ++i)
        status = clostorus__take_word(t, words[i]);
    t->unmoved = given || taken ? 0 : t->unmoved + 1u;
    return !status && t->unmoved >= CLOSTORUS_STUCK_LOOKS ? CLOSTORUS_STUCK : status;
}

/* Move bytes or words once in both directions. */
static clostorus_status clostorus__move(clostorus *t, int waits)
{
    clostorus_status status;
    if (t->bus.registers)
        return clostorus__move_words(t);
    status = clostorus__transmit(t, waits);
    return status ? status : clostorus__receive(t);
}

static clostorus_status clostorus__send_word(clostorus *t, uint32_t word)
{
    clostorus_status status = CLOSTORUS_OK;
    while (!status && t->filled - t->acknowledged >= CLOSTORUS_WINDOW_WORDS)
        status = clostorus__move(t, 0);
    if (!status)
        t->window[t->filled++ & (CLOSTORUS_WINDOW_WORDS - 1u)] = word;
    return status;
}

/* Begin a segment of so many beats, where the board wants segments; `packing` says how they come. */
static clostorus_status clostorus__segment(clostorus *t, uint32_t beats, uint32_t packing)
{
    t->packing = packing;
    return t->input_bits && beats ? clostorus__send_word(t, beats | packing) : CLOSTORUS_OK;
}

static clostorus_status clostorus__send_words(clostorus *t, clostorus_words words)
{
    clostorus_status status = clostorus__segment(t, words.count / clostorus__parts(t->net), 0);
    uint32_t i;
    for (i = 0; i < words.count && !status; ++i)
        status = clostorus__send_word(t, words.words[i]);
    return status;
}

/* Wait until so many words have come, and, if `all`, the board has all that was sent. */
static clostorus_status clostorus__wait_for(clostorus *t, uint32_t words, int all)
{
    clostorus_status status = CLOSTORUS_OK;
    t->unmoved = 0;
    while (!status && (t->taken < words || (all && t->filled != t->acknowledged)))
        status = clostorus__move(t, t->taken < words);
    return status;
}

/* The host stream: link words in beats. */

/* The end of a packed segment, or of 32 bits of fields. */
static clostorus_status clostorus__end_fields(clostorus *t)
{
    uint32_t word = t->fields;
    if (t->field_bits == 0)
        return CLOSTORUS_OK;
    t->fields = t->field_bits = 0;
    return clostorus__send_word(t, word);
}

static clostorus_status clostorus__send_field(clostorus *t, uint32_t word)
{
    clostorus_status status = CLOSTORUS_OK;
    uint32_t room = 32u - t->field_bits, bits = t->input_bits;
    word = word >> (t->packing >> CLOSTORUS__SHIFT_AT & 31u) & ((1u << bits) - 1u);
    t->fields |= word << t->field_bits;
    t->field_bits += bits;
    if (bits >= room) {
        status = clostorus__end_fields(t);
        t->field_bits = bits - room;
        t->fields = t->field_bits ? word >> room : 0u;
    }
    return status;
}

static clostorus_status clostorus__end_beat(clostorus *t)
{
    clostorus_status status = CLOSTORUS_OK;
    uint32_t part;
    if (t->lane == 0)
        return CLOSTORUS_OK;
    if (t->packing)
        for (; t->lane < clostorus__beat_words(t->net) && !status; ++t->lane)
            status = clostorus__send_field(t, 0);
    else
        for (part = 0; part < clostorus__parts(t->net) && !status; ++part) {
            status = clostorus__send_word(t, t->out_beat[part]);
            t->out_beat[part] = 0;
        }
    t->lane = 0;
    return status;
}

static clostorus_status clostorus__send_lane(clostorus *t, uint32_t word)
{
    const clostorus_net *net = t->net;
    clostorus_status status = CLOSTORUS_OK;
    uint32_t bit = t->lane * net->word_bits, part = bit / 32u, shift = bit % 32u;
    word &= (1u << net->word_bits) - 1u;
    if (t->packing) {
        status = clostorus__send_field(t, word);
    } else {
        t->out_beat[part] |= word << shift;
        if (shift + net->word_bits > 32u)
            t->out_beat[part + 1u] |= word >> (32u - shift);
    }
    if (++t->lane == clostorus__beat_words(net) && !status)
        status = clostorus__end_beat(t);
    return status;
}

/* How beats of numbers can come packed; 0 if they cannot. */
static uint32_t clostorus__packing_of(const clostorus *t, const int32_t *numbers, uint32_t count)
{
    uint32_t bits = 0, below_sign = 0, shift = 0, end;
    if (!t->input_bits)
        return 0;
    for (; count; --count, ++numbers) {
        bits |= (uint32_t)*numbers;
        below_sign |= (uint32_t)(*numbers < 0 ? ~*numbers : *numbers);
    }
    while (shift + t->input_bits < t->net->word_bits && !(bits >> shift & 1u))
        ++shift;
    end = shift + t->input_bits;
    shift = shift << CLOSTORUS__SHIFT_AT | CLOSTORUS__PACKED;
    if (below_sign >> (end - 1u) == 0)
        return shift | CLOSTORUS__SIGNED;
    return bits >> end ? 0u : shift;
}

/* Send samples of `count` numbers in the order of a map, each block in beats of its own. */
static clostorus_status clostorus__send_mapped(clostorus *t, const clostorus_map *map,
                                               const int32_t *numbers, uint32_t count,
                                               uint32_t samples)
{
    clostorus_status status = CLOSTORUS_OK;
    uint32_t beats = map->blocks * clostorus__row_beats(t->net, map->words);
    uint32_t sample, block, word, index, most = CLOSTORUS__MOST_BEATS / beats;

    for (sample = 0; sample < samples && !status; ++sample, numbers += count) {
        if (sample % most == 0) {
            index = clostorus__least(samples - sample, most);
            status = clostorus__segment(t, index * beats,
                                        clostorus__packing_of(t, numbers, index * count));
        }
        for (block = 0; block < map->blocks && !status; ++block) {
            for (word = 0; word < map->words && !status; ++word) {
                index = map->index[block * map->words + word];
                status = clostorus__send_lane(
                    t, index == CLOSTORUS_PADDING ? 0u : (uint32_t)numbers[index]);
            }
            if (!status)
                status = clostorus__end_beat(t);
        }
        if (!status && (sample + 1u == samples || (sample + 1u) % most == 0))
            status = clostorus__end_fields(t);
    }
    return status;
}

/* Whether words fit so many bits. */
static int clostorus__fit(const int32_t *words, uint32_t count, uint32_t bits)
{
    int32_t limit = (int32_t)(1u << (bits - 1u));
    for (; count; --count, ++words)
        if (*words < -limit || *words >= limit)
            return 0;
    return 1;
}

/* Whether a call may begin: `given` says that its pointers are there. */
static clostorus_status clostorus__ready(const clostorus *t, int given)
{
    if (!t || !given)
        return CLOSTORUS_ARGUMENT;
    return t->usable ? CLOSTORUS_OK : CLOSTORUS_NOT_OPEN;
}

/* Begin a program, of which so many words come back. */
static void clostorus__begin(clostorus *t, uint32_t *raw, int32_t *outputs, uint32_t wanted)
{
    t->raw = raw;
    t->outputs = outputs;
    t->taken = 0;
    t->wanted = wanted;
    t->unheard = t->unmoved = t->quiet = 0;
    if (t->bus.last_beats)
        CLOSTORUS_STORE(&t->bus.registers[CLOSTORUS__LAST_BEATS], wanted / clostorus__parts(t->net));
}

/* What broke off a program leaves the torus in the midst of it. */
static clostorus_status clostorus__ended(clostorus *t, clostorus_status status)
{
    if (t->bus.registers && clostorus__load_status(t) & CLOSTORUS__FAULTY)
        status = CLOSTORUS_FAULTY;
    if (status)
        t->usable = 0;
    t->raw = 0;
    t->outputs = 0;
    t->taken = t->wanted = 0;
    return status;
}

/* What the caller calls. */

/* Begin a session that nobody has opened yet. */
static clostorus_status clostorus__clear(clostorus *t, const clostorus_net *net)
{
    uint8_t *byte = (uint8_t *)t;
    while (byte != (uint8_t *)(t + 1))
        *byte++ = 0;
    t->net = net;
    return net->format == CLOSTORUS_NET_FORMAT ? CLOSTORUS_OK : CLOSTORUS_NET;
}

/* Load the net into a torus that is open. */
static clostorus_status clostorus__load(clostorus *t)
{
    clostorus_status status;
    t->usable = 1;
    clostorus__begin(t, 0, 0, 0);
    status = clostorus__send_words(t, t->net->load);
    if (!status)
        status = clostorus__wait_for(t, 0, 1);
    return clostorus__ended(t, status);
}

clostorus_status clostorus_open(clostorus *t, clostorus_io io, const clostorus_net *net,
                                uint8_t session)
{
    clostorus_status status;

    if (!t || !net || !io.read || !io.write)
        return CLOSTORUS_ARGUMENT;
    status = clostorus__clear(t, net);
    t->io = io;
    t->session = session & 0x7Fu;
    t->tell_words = 1;
    t->frame_words = CLOSTORUS__MOST_WORDS;
    t->ahead_words = CLOSTORUS_WINDOW_WORDS;
    while (!status && !t->opened)
        status = clostorus__move(t, 1);
    if (status)
        return status;
    t->usable = 1;
    return t->weights_id ? CLOSTORUS_OK : clostorus__load(t); /* Those of this net are there. */
}

clostorus_status clostorus_open_bus(clostorus *t, clostorus_bus bus, const clostorus_net *net)
{
    clostorus_status status;
    uint32_t dropped[16];
    int count;

    if (!t || !net || !bus.registers || !bus.give != !bus.take)
        return CLOSTORUS_ARGUMENT;
    status = clostorus__clear(t, net);
    if (status)
        return status;
    t->bus = bus;
    if (CLOSTORUS_LOAD(&bus.registers[CLOSTORUS__REGISTERS_VERSION]) != CLOSTORUS_REGISTER_VERSION)
        return CLOSTORUS_VERSION;
    if (CLOSTORUS_LOAD(&bus.registers[CLOSTORUS__ID]) != net->hardware_id[0] ||
        CLOSTORUS_LOAD(&bus.registers[CLOSTORUS__ID + 1]) != net->hardware_id[1])
        return CLOSTORUS_HARDWARE_ID;
    CLOSTORUS_STORE(&bus.registers[CLOSTORUS__CONTROL], 1u);
    do { /* Up to two beats of before may still come. */
        count = clostorus__take(t, dropped, (int)(sizeof dropped / sizeof *dropped));
        if (count < 0)
            return CLOSTORUS_PORT;
    } while (count > 0 || clostorus__load_status(t) & CLOSTORUS__OUT_WAITS);
    return clostorus__load(t);
}

clostorus_status clostorus_infer(clostorus *t, const int32_t *x, int32_t *y, uint32_t samples)
{
    clostorus_status status;
    const clostorus_net *net;
    const clostorus_run *run;
    uint32_t sample;

    status = clostorus__ready(t, x != 0 && y != 0 && samples != 0);
    if (status)
        return status;
    net = t->net;
    if (!net->infer)
        return CLOSTORUS_NO_TRAINING;
    for (sample = 0; sample < samples; ++sample)
        if (!clostorus__fit(x + sample * net->inputs, net->inputs, net->act_bits))
            return CLOSTORUS_WORD;
    while (samples) {
        for (run = net->infer; run->samples > samples; ++run)
            ;
        clostorus__begin(t, 0, y, run->samples * clostorus__output_words(net));
        status = clostorus__send_words(t, run->program);
        if (!status)
            status = clostorus__send_mapped(t, &net->input, x, net->inputs, run->samples);
        if (!status)
            status = clostorus__wait_for(t, t->wanted, 1);
        status = clostorus__ended(t, status);
        if (status)
            return status;
        samples -= run->samples;
        x += run->samples * net->inputs;
        y += run->samples * net->outputs;
    }
    return CLOSTORUS_OK;
}

clostorus_status clostorus_train(clostorus *t, const int32_t *x, int32_t *y, int32_t *gradient,
                                 clostorus_gradient gradient_of, void *context)
{
    const clostorus_net *net;
    const clostorus_event *event;
    clostorus_status status;
    uint32_t i, words;

    status = clostorus__ready(t, x != 0 && y != 0 && gradient != 0 && gradient_of != 0);
    if (status)
        return status;
    net = t->net;
    if (!net->train)
        return CLOSTORUS_NO_TRAINING;
    words = clostorus__output_words(net);
    if (!clostorus__fit(x, net->train->samples * net->inputs, net->act_bits))
        return CLOSTORUS_WORD;
    clostorus__begin(t, 0, y, net->train->samples * words);
    status = clostorus__send_words(t, net->train->program);
    for (i = 0; i < net->train->event_count && !status; ++i) {
        event = &net->train->events[i];
        if (event->part == CLOSTORUS_INPUTS) {
            status = clostorus__send_mapped(t, &net->input, x + event->sample * net->inputs,
                                            net->inputs, 1);
        } else if (event->part == CLOSTORUS_OUTPUTS) {
            status = clostorus__wait_for(t, (event->sample + 1u) * words, 0);
        } else {
            gradient_of(context, event->sample, y + event->sample * net->outputs, gradient);
            if (!clostorus__fit(gradient, net->outputs, net->grad_bits))
                status = CLOSTORUS_WORD;
            else
                status = clostorus__send_mapped(t, &net->gradient, gradient, net->outputs, 1);
        }
    }
    if (!status)
        status = clostorus__wait_for(t, t->wanted, 1);
    return clostorus__ended(t, status);
}

/* Checkpoints: a mark, the ids of net and torus, what the torus gave, and a CRC-32. */

static const uint32_t clostorus__mark = 0x504B4C43u; /* "CLKP" */

static uint32_t clostorus__checkpoint_crc(const uint32_t *words, uint32_t count)
{
    uint32_t crc = ~0u;
    uint8_t bytes[4];
    for (; count; --count, ++words) {
        clostorus__put(bytes, *words, 4);
        crc = clostorus__crc(crc, bytes, 4);
    }
    return ~crc;
}

uint32_t clostorus_checkpoint_words(const clostorus_net *net)
{
    return net && net->state ? net->state->words + CLOSTORUS_CHECKPOINT_EXTRA : 0u;
}

clostorus_status clostorus_checkpoint(clostorus *t, uint32_t *words)
{
    clostorus_status status;
    const clostorus_net *net;

    status = clostorus__ready(t, words != 0);
    if (status)
        return status;
    net = t->net;
    if (!net->state)
        return CLOSTORUS_NO_TRAINING;
    clostorus__begin(t, words + 4, 0, net->state->words);
    status = clostorus__send_words(t, net->state->read_program);
    if (!status)
        status = clostorus__wait_for(t, t->wanted, 1);
    words[0] = status ? 0u : clostorus__mark; /* Half a checkpoint is none. */
    words[1] = net->id;
    words[2] = net->hardware_id[0];
    words[3] = net->hardware_id[1];
    words[4u + net->state->words] = clostorus__checkpoint_crc(words, 4u + net->state->words);
    return clostorus__ended(t, status);
}

/* A word of a memory of a PE, out of what the torus gave: columns come last first. */
static uint32_t clostorus__held(const clostorus_net *net, const uint32_t *words, uint32_t memory,
                                uint32_t row, uint32_t col, uint32_t index)
{
    const clostorus_dump *dump = net->state->dumps;
    uint32_t record, rep, lane, row_words;

    while (dump->memory != memory || index / dump->chunks >= dump->first + dump->records * dump->reps)
        ++dump;
    record = index / dump->chunks - dump->first;
    rep = record / dump->records;
    lane = ((net->cols - 1u - col) * dump->records + record % dump->records) * dump->chunks +
           index % dump->chunks;
    row_words = clostorus__row_beats(net, dump->records * dump->chunks * net->cols) *
                clostorus__parts(net);
    words += dump->start + (rep * net->rows + row) * row_words +
             lane / clostorus__beat_words(net) * clostorus__parts(net);
    return clostorus__lane(net, words, lane % clostorus__beat_words(net));
}

clostorus_status clostorus_restore(clostorus *t, const uint32_t *words)
{
    const clostorus_net *net;
    const clostorus_load *load;
    clostorus_status status;
    uint32_t i, piece, row, word, first = 0;

    status = clostorus__ready(t, words != 0);
    if (status)
        return status;
    net = t->net;
    if (!net->state)
        return CLOSTORUS_NO_TRAINING;
    if (words[0] != clostorus__mark || words[1] != net->id || words[2] != net->hardware_id[0] ||
        words[3] != net->hardware_id[1] ||
        words[4u + net->state->words] != clostorus__checkpoint_crc(words, 4u + net->state->words))
        return CLOSTORUS_CHECKPOINT;
    clostorus__begin(t, 0, 0, 0);
    status = clostorus__send_words(t, net->state->load_program);
    for (i = 0; i < net->state->load_count; ++i) {
        load = &net->state->loads[i];
        if (i == 0 || load->memory != load[-1].memory)
            first = 0;
        if (!status)
            status = clostorus__segment(
                t, load->count * net->rows * clostorus__row_beats(net, load->words), 0);
        for (piece = 0; piece < load->count; ++piece, first += load->words)
            for (row = 0; row < net->rows; ++row) {
                for (word = first; word < first + load->words && !status; ++word)
                    status = clostorus__send_lane(
                        t, clostorus__held(net, words + 4, load->memory, row, word % net->cols,
                                           word / net->cols));
                if (!status)
                    status = clostorus__end_beat(t);
            }
    }
    if (!status)
        status = clostorus__wait_for(t, 0, 1);
    return clostorus__ended(t, status);
}

int32_t clostorus_to_word(double value, int fraction_bits, int bits)
{
    double limit = (double)(1u << (bits - 1)), rest;
    int32_t whole;

    for (; fraction_bits > 0; --fraction_bits)
        value *= 2.0;
    for (; fraction_bits < 0; ++fraction_bits)
        value *= 0.5;
    if (value != value)
        return 0;
    if (value >= limit)
        return (int32_t)limit - 1;
    if (value <= -limit)
        return -(int32_t)limit;
    whole = (int32_t)value; /* Towards 0. */
    rest = value - (double)whole;
    if (rest > 0.5 || (rest == 0.5 && whole % 2 != 0))
        ++whole;
    else if (rest < -0.5 || (rest == -0.5 && whole % 2 != 0))
        --whole;
    return whole < (int32_t)limit ? whole : (int32_t)limit - 1;
}

double clostorus_to_real(int32_t word, int fraction_bits)
{
    double value = (double)word;
    for (; fraction_bits > 0; --fraction_bits)
        value *= 0.5;
    for (; fraction_bits < 0; ++fraction_bits)
        value *= 2.0;
    return value;
}

const char *clostorus_message(clostorus_status status)
{
    switch (status) {
    case CLOSTORUS_OK:
        return "all is well";
    case CLOSTORUS_ARGUMENT:
        return "pointers must not be null, and samples must be at least 1";
    case CLOSTORUS_NET:
        return "the net's header must be of this version of clostorus.h: export both anew";
    case CLOSTORUS_WORD:
        return "inputs must fit act_bits, and gradients grad_bits: clostorus_to_word saturates";
    case CLOSTORUS_PORT:
        return "the port must stay there, but a callback says that it is gone";
    case CLOSTORUS_SILENT:
        return "the board must answer, but does not: look at its cable, power and baud rate, and "
               "whether another program uses the port";
    case CLOSTORUS_STUCK:
        return "the torus must take or give a word, but does not: open it again";
    case CLOSTORUS_STRANGER:
        return "the board must answer as a Clostorus does: look at which port it is";
    case CLOSTORUS_VERSION:
        return "the board's link or registers must have the version of clostorus.h: build its "
               "bitstream anew";
    case CLOSTORUS_HARDWARE_ID:
        return "the board's torus must be the one that the net was compiled for";
    case CLOSTORUS_WEIGHTS_ID:
        return "a bitstream with weights runs the net whose weights they are, and trains none";
    case CLOSTORUS_UNEXPECTED:
        return "the torus must give only what its program asks for: open it again";
    case CLOSTORUS_NOT_OPEN:
        return "clostorus_open must come first, and again after an error";
    case CLOSTORUS_NO_TRAINING:
        return "a net for inference cannot train, and one that trains does not infer";
    case CLOSTORUS_CHECKPOINT:
        return "the checkpoint must be whole, and of this net on this torus";
    case CLOSTORUS_FAULTY:
        return "a parity in the torus is wrong, so outputs are not to be trusted: open it again";
    }
    return "no such status";
}

#endif /* CLOSTORUS_IMPLEMENTATION */
