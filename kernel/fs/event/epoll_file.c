/* SPDX-License-Identifier: MIT */
/*
 * What epoll knows of a file: the list of its items, in all instances.
 *
 * An item does not count its file.  Closing the file's last descriptor removes
 * the item: epoll_forget_file(), from file_put().  Both ends of that meet in the
 * file's list, under files_lock:
 *
 *   an item is in its file's list while its watch is added, so the file's source
 *   exists as long as there is a watch;
 *   an instance removes all its items from those lists before it goes, so
 *   whoever finds an item there can count the instance.
 */
#include "epoll_priv.h"

/* Guards the list of items of each file. */
static struct spinlock files_lock = SPINLOCK_INIT("epoll files", RANK_EVENT);

void epoll_file_add(struct epoll_item *item)
{
    bool irq = spin_lock(&files_lock);

    list_push_back(&item->file->epolls, &item->of_file);
    spin_unlock(&files_lock, irq);
}

void epoll_file_remove(struct epoll_item *item)
{
    bool irq = spin_lock(&files_lock);

    list_remove(&item->of_file);
    spin_unlock(&files_lock, irq);
}

/* An instance, counted, that has the file; NULL if none has. */
static struct epoll *epoll_with(struct file *file)
{
    struct epoll *ep = NULL;
    bool irq = spin_lock(&files_lock);

    if (!list_empty(&file->epolls)) {
        ep = list_entry(file->epolls.next, struct epoll_item, of_file)->epoll;
        atomic_fetch_add_explicit(&ep->references, 1, memory_order_relaxed);
    }
    spin_unlock(&files_lock, irq);
    return ep;
}

/* One of the instance's items for the file, if it has any still; its mutex is held. */
static struct epoll_item *item_with(struct epoll *ep, struct file *file)
{
    struct epoll_item *found = NULL;
    bool irq = spin_lock(&files_lock);

    list_for_each (link, &file->epolls) {
        struct epoll_item *item = list_entry(link, struct epoll_item, of_file);

        if (item->epoll == ep) {
            found = item;
            break;
        }
    }
    spin_unlock(&files_lock, irq);
    return found;
}

void epoll_forget_file(struct file *file)
{
    struct epoll *ep;
    struct epoll_item *item;

    while ((ep = epoll_with(file)) != NULL) {
        mutex_lock(&ep->mutex);
        item = item_with(ep, file);
        if (item != NULL) {
            epoll_remove(ep, item);
        }
        mutex_unlock(&ep->mutex);
        epoll_put(ep);
    }
}

bool epoll_any_of_file(struct file *file, bool (*fn)(struct epoll *ep, unsigned arg), unsigned arg)
{
    bool locked = spin_is_mine(&files_lock), any = false;
    bool irq = locked ? false : spin_lock(&files_lock);

    list_for_each (link, &file->epolls) {
        any |= fn(list_entry(link, struct epoll_item, of_file)->epoll, arg);
    }
    if (!locked) {
        spin_unlock(&files_lock, irq);
    }
    return any;
}
