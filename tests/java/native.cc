/* SPDX-License-Identifier: MIT */
/*
 * The C++ half of Native.java: what an application's native library does
 * besides arithmetic.  Exceptions unwind through frames of libstdc++ and of
 * this library, never through Java's; thread_local objects are destroyed when
 * a thread ends.
 */
#include <jni.h>

#include <atomic>
#include <future>
#include <locale>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

JavaVM *machine;
std::atomic<int> destroyed;

struct Guard {
    int &released;
    explicit Guard(int &counter) : released(counter)
    {
    }
    ~Guard()
    {
        released++;
    }
};

struct PerThread {
    int value = 0;
    ~PerThread()
    {
        destroyed += value;
    }
};
thread_local PerThread per_thread;

void throw_at(int depth, int &released)
{
    Guard guard(released);

    if (depth == 0) {
        throw std::runtime_error("bottom");
    }
    throw_at(depth - 1, released);
}

void call_java(jclass type, int times)
{
    JNIEnv *env;

    machine->AttachCurrentThread(reinterpret_cast<void **>(&env), nullptr);
    jmethodID count = env->GetStaticMethodID(type, "count", "()V");
    for (int i = 0; i < times; i++) {
        env->CallStaticVoidMethod(type, count);
    }
    per_thread.value = 1;
    machine->DetachCurrentThread();
}

int use_stack(int kilobytes)
{
    volatile char block[1024];

    block[0] = 1;
    return kilobytes == 0 ? 0 : use_stack(kilobytes - 1) + block[0];
}

} // namespace

extern "C" {

JNIEXPORT jint JNI_OnLoad(JavaVM *vm, void *)
{
    machine = vm;
    return JNI_VERSION_1_8;
}

JNIEXPORT jint Java_Native_catchOwn(JNIEnv *, jclass, jint depth)
{
    int released = 0;

    try {
        throw_at(depth, released);
    } catch (const std::exception &) {
        return released;
    }
    return -1;
}

JNIEXPORT void Java_Native_throwToJava(JNIEnv *env, jclass, jstring message)
{
    const char *text = env->GetStringUTFChars(message, nullptr);

    try {
        throw std::invalid_argument(text);
    } catch (const std::exception &e) {
        env->ThrowNew(env->FindClass("java/lang/RuntimeException"), e.what());
    }
    env->ReleaseStringUTFChars(message, text);
}

JNIEXPORT jint Java_Native_catchJavas(JNIEnv *env, jclass type)
{
    env->CallStaticIntMethod(type, env->GetStaticMethodID(type, "fail", "()I"));
    if (!env->ExceptionCheck()) {
        return 0;
    }
    env->ExceptionClear();
    try {
        throw 7;
    } catch (int number) {
        return number;
    }
}

JNIEXPORT jstring Java_Native_describe(JNIEnv *env, jclass, jstring string)
{
    const char *text = env->GetStringUTFChars(string, nullptr);
    std::ostringstream out;
    std::istringstream in("42 2.5 word");
    std::string word;
    int integer;
    double real;

    in >> integer >> real >> word;
    out.precision(12);
    out << text << ' ' << 3.14159265358979 << ' ' << std::hex << 255 << std::dec << ' ' << integer
        << ' ' << real << ' ' << word << ' ' << std::isalpha('q', std::locale());
    try {
        std::locale none("xx_YY");
        out << " a locale that is not there";
    } catch (const std::runtime_error &e) {
        out << ' ' << e.what();
    }
    try {
        std::vector<int>().at(3);
    } catch (const std::out_of_range &e) {
        out << ' ' << e.what();
    }
    std::wostringstream wide;
    std::random_device random;
    wide << L"wide " << 7;
    out << ' ' << wide.str().size() << ' ' << (random() != random() || random() != random());
    env->ReleaseStringUTFChars(string, text);
    return env->NewStringUTF(out.str().c_str());
}

JNIEXPORT jlong Java_Native_callFromThreads(JNIEnv *env, jclass type, jint count, jint times)
{
    auto global = static_cast<jclass>(env->NewGlobalRef(type));
    std::vector<std::thread> threads;

    for (int i = 0; i < count; i++) {
        threads.emplace_back(call_java, global, times);
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    env->DeleteGlobalRef(global);
    return destroyed + std::async(std::launch::async, [] { return 100; }).get();
}

JNIEXPORT jint Java_Native_useStack(JNIEnv *, jclass, jint kilobytes)
{
    return use_stack(kilobytes);
}
}
